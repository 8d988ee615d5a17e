import Foundation
import Testing

@testable import Tidy

/// Each rule, on a file that breaks it and on one that does not.
@Suite struct RuleTests {
  private func lines(
    _ rule: some Rule, _ text: String, at path: String = "Sources/Engine/A.swift",
    manifest: Manifest = Manifest(targets: [])
  ) -> [Int] {
    rule.violations(
      in: Repository(files: [SourceFile(path: path, text: text)], manifest: manifest)
    ).map(\.line)
  }

  @Test func longLines() {
    let limit = String(repeating: "x", count: 100)
    #expect(lines(LineLength(), "\(limit)\n\(limit)y\n") == [2])
    #expect(lines(LineLength(), limit + "y", at: "a.generated.swift").isEmpty)
    #expect(lines(LineLength(), limit + "y", at: "README.md").isEmpty)
  }

  @Test func longFiles() {
    let limit = String(repeating: "\n", count: 600)
    #expect(lines(FileLength(), limit).isEmpty)
    #expect(lines(FileLength(), limit + "\n") == [0])
  }

  @Test func longFunctions() {
    func function(_ lines: Int) -> String {
      "func f(\n  a: () -> Void = {}\n) {" + String(repeating: "\n", count: lines - 4) + "\n}\n"
    }
    #expect(lines(FunctionLength(), function(70)).isEmpty)
    #expect(lines(FunctionLength(), "\n" + function(71)) == [2])
    #expect(lines(FunctionLength(), "protocol P {\n  func f()\n  var x: Int { get }\n}").isEmpty)
  }

  @Test(arguments: [
    "let a = try! f()", "fatalError(\"x\")", "preconditionFailure()", "print(a)", "Task { }",
    "Task.detached { }", "import Foundation", "import FoundationEssentials", "let b = c as! D",
  ])
  func bannedCalls(call: String) {
    #expect(lines(BannedCalls(), "\n" + call) == [2])
  }

  @Test(arguments: [
    "// try! this", "\"fatalError(\"", "a.print(b)", "func print(_ a: Int)", "TaskGroup { }",
    "import FoundationNetworkingOfOurs", "debugPrint(a)",
  ])
  func whatOnlyLooksBanned(code: String) {
    #expect(lines(BannedCalls(), code).isEmpty)
  }

  @Test func bansDependOnTheRoom() {
    #expect(lines(BannedCalls(), "print(a)", at: "Sources/CLI/A.swift").isEmpty)
    #expect(lines(BannedCalls(), "Task { }", at: "Sources/Broker/A+Bridge.swift").isEmpty)
    #expect(lines(BannedCalls(), "import Foundation", at: "Sources/Broker/A.swift").isEmpty)
    #expect(lines(BannedCalls(), "import Foundation", at: "Protocols/X/Wire/A.swift") == [1])
    #expect(lines(BannedCalls(), "try! f()", at: "Tests/XTests/A.swift") == [1])
  }

  @Test(arguments: ["a!", "f()!.b", "a[0]! + 1", "var a: Int!", "a?.b!"])
  func forcedUnwraps(code: String) {
    #expect(lines(ForcedUnwraps(), code) == [1])
  }

  @Test(arguments: ["a != b", "!a", "f(!a)", "\"a!\"", "a ? !b : c", "// a!"])
  func whatOnlyLooksUnwrapped(code: String) {
    #expect(lines(ForcedUnwraps(), code).isEmpty)
    #expect(lines(ForcedUnwraps(), "a!", at: "Sources/Broker/A.swift").isEmpty)
  }

  @Test func uncheckedSendabilityNeedsAReason() {
    let bare = "struct A {}\n\nfinal class B: @unchecked Sendable {}"
    #expect(lines(UnprovenSendability(), bare) == [3])
    #expect(
      lines(
        UnprovenSendability(), "// Guarded by the loop.\n@x\n" + "class B: @unchecked Sendable {}"
      ).isEmpty)
  }

  @Test func notesNeedAnIssue() {
    #expect(
      lines(UnownedNotes(), "// TODO: later\n// FIXME(#7): soon\n// TODO #8\nlet TODO = 1") == [1])
  }

  @Test func vagueNames() {
    #expect(lines(VagueNames(), "", at: "Sources/Engine/TopicUtils.swift") == [0])
    #expect(lines(VagueNames(), "", at: "Sources/Engine/Topic.swift").isEmpty)
  }

  @Test func foreignPlaces() {
    let folder = "/" + "tmp/"
    #expect(lines(ForeignPlaces(), "a \(folder)b") == [1])
    #expect(lines(ForeignPlaces(), "a ../\("tmp/")b a\(folder)").isEmpty)
  }

  @Test func conflictMarkers() {
    let (open, middle) = (String(repeating: "<", count: 7), String(repeating: "=", count: 7))
    let (base, close) = (String(repeating: "|", count: 7), String(repeating: ">", count: 7))
    let text = "\(open) HEAD\na\n\(base)\n\(middle)\nb\n\(close) main\n"
    #expect(lines(ConflictMarkers(), text, at: "docs/a.md") == [1, 3, 6])
    let harmless = "\(open)<\n \(close)\n> \(close)\n\(base)a\nHeading\n\(middle)\n"
    #expect(lines(ConflictMarkers(), harmless, at: "docs/a.md").isEmpty)
  }

  private let manifest = Manifest(targets: [
    .init(
      name: "GodwitEngine", path: "Sources/Engine", isTest: false,
      dependencies: ["GodwitPrimitives", "NIOPosix", "GodwitBroker"]),
    .init(
      name: "MQTTFrontEnd", path: "Protocols/MQTT/FrontEnd", isTest: false,
      dependencies: ["GodwitEngine", "NATSWire"]),
  ])

  @Test func importsAreDeclaredAndPointDown() {
    let text = """
      import GodwitPrimitives
      public import NIOCore
      import NIOPosix
      import GodwitBroker
      @preconcurrency import struct Foundation.Date
      """
    #expect(lines(ImportsFollowLayers(), text, manifest: manifest) == [2, 3, 4])
  }

  @Test func protocolsStayApart() {
    let text = "import GodwitEngine\nimport NATSWire"
    #expect(
      lines(ImportsFollowLayers(), text, at: "Protocols/MQTT/FrontEnd/A.swift", manifest: manifest)
        == [2])
  }

  @Test func manifestsAreRead() throws {
    let json = """
      {"targets": [
        {"name": "A", "type": "regular", "path": "Sources/X", "dependencies": [
          {"byName": ["B", null]}, {"product": ["C", "package", null, null]},
          {"target": ["D", {"platformNames": ["linux"]}]}]},
        {"name": "ATests", "type": "test", "dependencies": []}]}
      """
    let manifest = try Manifest(json: Data(json.utf8))
    #expect(manifest.targets.map(\.path) == ["Sources/X", "Tests/ATests"])
    #expect(manifest.targets.first?.dependencies == ["B", "C", "D"])
    #expect(manifest.target(holding: "Sources/X/y.swift")?.name == "A")
    #expect(manifest.target(holding: "Sources/XY/y.swift") == nil)
  }
}
