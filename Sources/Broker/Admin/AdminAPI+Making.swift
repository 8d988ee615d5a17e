import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import GodwitWire

/// Making streams.
extension AdminAPI {
  private static var creationMembers: Set<String> {
    [
      "name", "topics", "retention", "storage", "records_max", "bytes_max", "age_max_seconds",
      "records_per_topic_max", "full", "duplicate_window_seconds",
    ]
  }

  /// `POST /api/streams`
  func createStream(_ request: AdminRequest, _ answer: @escaping (AdminResponse) -> Void) {
    do throws(AdminRefusal) {
      let tenant = try self.tenant(request).get()
      let settings = try self.settings(request.body)
      if tenant.streams[settings.name] != nil {
        throw AdminRefusal(409, "a stream of that name exists")
      }
      if let other = tenant.streams.overlapping(settings.patterns).first {
        throw AdminRefusal(409, "the stream \(other.name) keeps some of these topics")
      }
      do throws(EngineError) {
        _ = try tenant.streams.create(settings) {
          answer(Self.outcome($0, ["created": .string(settings.name), "complete": .bool(true)]))
        }
      } catch {
        throw AdminRefusal(error.code == .quotaExceeded ? 507 : 409, error.message)
      }
    } catch {
      answer(.refusal(error.status, error.sentence))
    }
  }

  private func settings(_ body: [UInt8]) throws(AdminRefusal) -> StreamSettings {
    let document = try Self.document(body, of: Self.creationMembers)
    guard let name = document["name"]?.string, Self.isName(name) else {
      throw AdminRefusal(
        400, "name is up to 255 letters, digits and signs, but no blanks and none of . * > / \\")
    }
    var settings = StreamSettings(name: name, patterns: try self.patterns(document["topics"]))
    settings.retention = try Self.choice(
      document, "retention",
      ["limits": .limits, "interest": .interest, "work queue": .workQueue], or: .limits)
    settings.storage = try Self.choice(
      document, "storage", ["file": .file, "memory": .memory], or: .file)
    settings.overflow = try Self.choice(
      document, "full", ["drop oldest": .dropOldest, "refuse": .refuse], or: .dropOldest)
    settings.recordsMax = try Self.count(document, "records_max") ?? 0
    settings.bytesMax = try Self.count(document, "bytes_max") ?? 0
    settings.recordsPerTopicMax = try Self.count(document, "records_per_topic_max") ?? 0
    settings.ageMax = try Self.nanoseconds(document, "age_max_seconds") ?? 0
    let window = try Self.nanoseconds(document, "duplicate_window_seconds")
    let usual: Int64 = 120_000_000_000
    settings.duplicateWindow =
      window ?? (settings.ageMax > 0 ? min(settings.ageMax, usual) : usual)
    return settings
  }

  /// Names that every protocol's tools can say.
  private static func isName(_ name: String) -> Bool {
    (1...255).contains(name.utf8.count)
      && name.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F && !".*>/\\".utf8.contains($0) }
  }

  private func patterns(_ json: JSONValue?) throws(AdminRefusal) -> [TopicPattern] {
    guard let topics = json?.elements, (1...1_024).contains(topics.count) else {
      throw AdminRefusal(400, "topics is a list of patterns, at least one")
    }
    var patterns: [TopicPattern] = []
    for topic in topics {
      guard let text = topic.string else { throw AdminRefusal(400, "a topic is a text") }
      let pattern = try TypedTopic.pattern(text, limits: self.engine.limits).get()
      if text.hasPrefix("$JS.") || text.hasPrefix("$SYS.") {
        throw AdminRefusal(400, "\(text) belongs to the broker")
      }
      if let other = patterns.first(where: { $0.overlaps(pattern) }) {
        throw AdminRefusal(400, "\(text) and \(other) overlap")
      }
      patterns.append(pattern)
    }
    return patterns
  }

  private static func choice<Value>(
    _ document: JSONValue, _ name: String, _ words: KeyValuePairs<String, Value>,
    or usual: Value
  ) throws(AdminRefusal) -> Value {
    guard let given = document[name] else { return usual }
    guard let found = words.first(where: { $0.key == given.string }) else {
      let all = words.map { "'\($0.key)'" }.joined(separator: ", ")
      throw AdminRefusal(400, "\(name) is one of \(all)")
    }
    return found.value
  }

  private static func count(_ document: JSONValue, _ name: String) throws(AdminRefusal) -> Int? {
    guard let given = document[name] else { return nil }
    guard let number = given.integer, number >= 0, let count = Int(exactly: number) else {
      throw AdminRefusal(400, "\(name) is a whole number")
    }
    return count
  }

  private static func nanoseconds(
    _ document: JSONValue, _ name: String
  ) throws(AdminRefusal) -> Int64? {
    guard let given = document[name] else { return nil }
    let seconds = given.double ?? given.integer.map { Double($0) }
    guard let seconds, seconds >= 0, seconds <= 9e9 else {
      throw AdminRefusal(400, "\(name) is a number of seconds")
    }
    return Int64((seconds * 1e9).rounded())
  }
}
