import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives

/// Which records of a log are looked for.
struct RecordFilter {
  /// The longest text that is searched for, in bytes.
  static let textBytesMax = 1_000

  /// The topic.
  var pattern: TopicPattern?
  /// A header's name, in any case, and what its value contains, in any case.
  var header: (name: [UInt8], value: TextSearch?)?
  /// What the payload contains, in any case.
  var text: TextSearch?

  /// Whether every record is meant.
  var isEmpty: Bool { self.pattern == nil && self.header == nil && self.text == nil }

  /// Whether a record is one of them.
  func matches(_ message: inout Publication, _ engine: Engine) -> Bool {
    if let pattern = self.pattern, !pattern.matches(message.topic) { return false }
    if let text = self.text, !text.isFound(in: message.payload) { return false }
    guard let header = self.header else { return true }
    let metadata = message.metadata(engine)
    func fits(_ name: [UInt8], _ value: [UInt8]) -> Bool {
      name.count == header.name.count
        && zip(name, header.name).allSatisfy { TextSearch.folded($0) == $1 }
        && (header.value?.isFound(in: value) ?? true)
    }
    if metadata.headers.contains(where: { fits($0.name, $0.value) }) { return true }
    // What has a member of its own is a header for most people.
    let others: [(String, [UInt8]?)] = [
      ("content-type", metadata.contentType), ("message-id", metadata.messageID),
      ("correlation", metadata.correlation), ("key", metadata.key), ("reply", metadata.replyTopic),
    ]
    return others.contains { name, value in value.map { fits(Array(name.utf8), $0) } ?? false }
  }
}

/// Finds a text in bytes, ASCII letters in any case, in time that grows with the bytes alone
/// (Knuth, Morris and Pratt's way).
struct TextSearch {
  private let wanted: [UInt8]
  /// How much of the text is still found when the next byte is another one.
  private let fallback: [Int]

  init(_ text: some Sequence<UInt8>) {
    let wanted = text.map(Self.folded)
    var fallback = Array(repeating: 0, count: wanted.count)
    var length = 0
    for index in wanted.indices.dropFirst() {
      while length > 0, wanted[index] != wanted[length] { length = fallback[length - 1] }
      if wanted[index] == wanted[length] { length += 1 }
      fallback[index] = length
    }
    self.wanted = wanted
    self.fallback = fallback
  }

  static func folded(_ byte: UInt8) -> UInt8 {
    UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte
  }

  func isFound(in bytes: some Sequence<UInt8>) -> Bool {
    guard !self.wanted.isEmpty else { return true }
    var length = 0
    for byte in bytes {
      let byte = Self.folded(byte)
      while length > 0, byte != self.wanted[length] { length = self.fallback[length - 1] }
      if byte == self.wanted[length] { length += 1 }
      if length == self.wanted.count { return true }
    }
    return false
  }
}

extension AdminAPI {
  /// The filter of words, as a query or a document has them.
  ///
  /// - Parameter header: `Name`, `Name=value` or `Name: value`.
  func filter(
    pattern: String?, header: String?, text: String?
  ) throws(AdminRefusal) -> RecordFilter {
    var filter = RecordFilter()
    if let pattern, !pattern.isEmpty {
      filter.pattern = try TypedTopic.pattern(pattern, limits: self.engine.limits).get()
    }
    for words in [header, text] where (words?.utf8.count ?? 0) > RecordFilter.textBytesMax {
      throw AdminRefusal(400, "more than \(RecordFilter.textBytesMax) bytes to search for")
    }
    if let header, !header.isEmpty {
      let bytes = Array(header.utf8)
      let end = bytes.firstIndex { $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: ":") }
      let name = bytes[..<(end ?? bytes.endIndex)]
      guard !name.isEmpty else { throw AdminRefusal(400, "header is a name, or name=value") }
      var value = end.map { bytes[bytes.index(after: $0)...] } ?? []
      if end.map({ bytes[$0] }) == UInt8(ascii: ":"), value.first == 0x20 { value.removeFirst() }
      filter.header = (
        name.map(TextSearch.folded), end == nil ? nil : TextSearch(value)
      )
    }
    if let text, !text.isEmpty { filter.text = TextSearch(text.utf8) }
    return filter
  }
}
