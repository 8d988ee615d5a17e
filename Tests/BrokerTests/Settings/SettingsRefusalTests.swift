import GodwitFrontEndKit
import Testing

@testable import GodwitBroker

/// Every declared key refuses what it cannot be, with one sentence that names it.
struct SettingsRefusalTests {
  private func refusal(_ yaml: String) -> String? {
    do throws(SettingsError) {
      _ = try SettingsFile(yaml: yaml, environment: [:])
      return nil
    } catch {
      return error.description
    }
  }

  /// Values that a key of this kind must refuse, and why it says it does.
  private func wrong(_ kind: Setting.Kind) -> [(text: String, reason: String)] {
    switch kind {
    case .bool: return ["maybe", "3", "[true]", "{a: 1}"].map { ($0, "must be true or false") }
    case .integer(let bounds):
      let outside = "must be from \(bounds.lowerBound) to \(bounds.upperBound)"
      return [("\(bounds.lowerBound - 1)", outside), ("\(bounds.upperBound + 1)", outside)]
        + ["many", "1.5", "true", "[1]", "{a: 1}", "99999999999999999999"].map {
          ($0, "must be a whole number")
        }
    case .double(let bounds):
      let outside = "must be from \(bounds.lowerBound) to \(bounds.upperBound)"
      return [("\(bounds.lowerBound - 1)", outside), ("\(bounds.upperBound + 1)", outside)]
        + ["many", "true", "[1]", "{a: 1}", ".inf", "1e999"].map { ($0, "must be a number") }
    case .text: return ["[a]", "{a: 1}"].map { ($0, "must be a text") }
    case .choice(let words):
      return [
        ("nonsense", "must be one of \(words.joined(separator: ", "))"), ("[a]", "must be a"),
      ]
    case .texts: return ["a", "1", "{a: 1}"].map { ($0, "must be a list of texts") }
    case .maps: return [("a", "must be a list"), ("[a]", "must be a map of keys")]
    case .map: return ["a", "[a]"].map { ($0, "must be a map of keys") }
    }
  }

  private func check(_ settings: [Setting], path: String, yaml: @escaping (String) -> String) {
    for setting in settings {
      let here = "\(path).\(setting.key)"
      let line = { (value: String) in yaml("{\(setting.key): \(value)}") }
      for (text, reason) in self.wrong(setting.kind) {
        let said = self.refusal(line(text)) ?? "nothing"
        #expect(
          said.hasPrefix(here) && said.contains(reason) && !said.contains("\n"),
          "\(line(text)): \(said)")
      }
      #expect(self.refusal(line("1, \(setting.key): 1")) != nil, "\(here) twice")
      switch setting.kind {
      case .map(let inner): self.check(inner, path: here) { line($0) }
      case .maps(let inner): self.check(inner, path: "\(here)[0]") { line("[\($0)]") }
      default: break
      }
    }
  }

  @Test func everyKeyRefusesWhatItCannotBe() {
    for section in SettingsFile.sections {
      self.check(section.settings, path: section.name) { "\(section.name): \($0)" }
      #expect(
        self.refusal("\(section.name): 5") == "\(section.name): must be a map of keys (line 1)")
    }
  }

  @Test func anchorsAreRefused() {
    let reason = "anchors and aliases (`&` and `*`) are not supported"
    #expect(self.refusal("server: {name: &a x}") == "server.name: \(reason)")
    #expect(self.refusal("&a server: {name: x}") == "the file: \(reason)")
    #expect(self.refusal("&a {server: {name: x}}") == "the file: \(reason)")
    #expect(self.refusal("server: &a {name: x}\nnats: *a") == "server: \(reason)")
    let bomb = (1...9).map { level in
      "k\(level): &a\(level) ["
        + Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ",")
        + "]"
    }
    let text = "k0: &a0 [x]\n" + bomb.joined(separator: "\n")
    #expect(self.refusal(text) == "the file: \(reason)")
    #expect(self.refusal(text + "\n? *a9\n: 1\n? [*a9]\n: 2") == "the file: \(reason)")
    // A little one gets as far as the node that bears it.
    #expect(self.refusal("nats: &a {}\nmqtt: *a") == "nats: \(reason)")
    #expect(self.refusal("server: {name: \"x &a *a *a\"}") == nil)
  }

  @Test func aLongLineIsNotRepeated() throws {
    let said = try #require(self.refusal("a: " + String(repeating: "[", count: 50_000)))
    #expect(said.hasPrefix("the file: not YAML: ") && said.count < 300)
  }
}
