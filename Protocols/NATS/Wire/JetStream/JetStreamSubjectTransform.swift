/// Rewrites subjects by a pattern and a destination, as `subject_transform`, `republish` and
/// sources are configured (nats.docs, "Subject Mapping and Partitioning").
///
/// The destination's tokens stand for themselves, or are `$1`, `{{wildcard(1)}}`,
/// `{{partition(4,1)}}`, `{{split(1,-)}}`, `{{splitFromLeft(1,2)}}`, `{{splitFromRight(1,2)}}`,
/// `{{sliceFromLeft(1,2)}}`, `{{sliceFromRight(1,2)}}`, `{{left(1,2)}}`, `{{right(1,2)}}` or
/// `{{random(4)}}`; `>` at both ends carries the rest over.
public struct JetStreamSubjectTransform: Hashable, Sendable {
  /// What a token of the destination becomes. Indices are those of the subject's tokens.
  enum Piece: Hashable, Sendable {
    case literal(String)
    case token(Int)
    case partition(buckets: Int32, tokens: [Int])
    case splitFromLeft(Int, Int32)
    case splitFromRight(Int, Int32)
    case sliceFromLeft(Int, Int32)
    case sliceFromRight(Int, Int32)
    case split(Int, String)
    case left(Int, Int32)
    case right(Int, Int32)
    case random(Int32)
  }

  /// Which subjects.
  public let source: String
  private let pieces: [Piece]
  /// How many tokens of the subject stand before what `>` carries over; `nil` without `>`.
  private let restStart: Int?

  /// Reads a transform.
  ///
  /// - Parameters:
  ///   - source: a pattern; empty for all subjects.
  ///   - destination: what becomes of them.
  /// - Throws: `Failure` with the text that nats-server gives.
  public init(source: String, destination: String) throws(Failure) {
    let source = source.isEmpty ? ">" : source
    guard let from = Self.tokens(source), let to = Self.tokens(destination),
      !to.contains("*"), (from.last == ">") == (to.last == ">")
    else { throw Failure("invalid subject") }
    let wildcards = from.indices.filter { from[$0] == "*" }
    let hasWildcard = !wildcards.isEmpty || from.last == ">"
    var pieces: [Piece] = []
    for token in to where token != ">" {
      let parsed = try JetStreamTransformToken(token)
      pieces.append(
        hasWildcard
          ? try parsed.piece(wildcards: wildcards, in: token)
          : try parsed.pieceWithoutWildcards(in: token))
    }
    self.source = source
    self.pieces = pieces
    self.restStart = from.last == ">" ? from.count - 1 : nil
  }

  /// Why a transform is not one.
  public struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
    /// For people, as nats-server says it.
    public var description: String

    init(_ description: String) { self.description = description }

    init(_ reason: String, in token: String) {
      self.description =
        "invalid mapping destination: \(reason)" + (token.isEmpty ? "" : " in \(token)")
    }
  }

  /// What is wrong with a mapping of a stream's configuration; an empty destination is none at all.
  public static func failure(of mapping: JetStreamSubjectMapping) -> Failure? {
    guard !mapping.destination.isEmpty else { return nil }
    var isOver = false
    let tokens = mapping.destination.split(separator: ".", omittingEmptySubsequences: false)
    for token in tokens.map({ String($0) }) {
      if token.isEmpty || isOver { return Failure("invalid transform", in: token) }
      if JetStreamTransformToken.isFunction(token) {
        // nats-server does not know these two here, although it can apply them.
        if let name = JetStreamTransformToken.functionName(token), name != "left", name != "right" {
          continue
        }
        return Failure("unknown function", in: token)
      }
      if token == ">" {
        isOver = true
      } else if token.utf8.contains(where: { $0 == 0x20 || (0x09...0x0D).contains($0) }) {
        return Failure("invalid transform", in: "")
      }
    }
    do throws(Failure) {
      _ = try Self(source: mapping.source, destination: mapping.destination)
      return nil
    } catch {
      return error
    }
  }

  /// What becomes of a subject; `nil` when it is not one of the source's.
  ///
  /// - Parameter random: a number for `{{random(n)}}`.
  public func apply(to subject: String, random: UInt64 = 0) -> String? {
    guard JetStreamPattern.matches(subject, self.source) else { return nil }
    let tokens = subject.split(separator: ".", omittingEmptySubsequences: false).map { String($0) }
    var parts = self.pieces.map { Self.text(of: $0, tokens, random) }
    if let restStart, restStart < tokens.count { parts += tokens[restStart...] }
    return parts.joined(separator: ".")
  }

  private static func text(of piece: Piece, _ tokens: [String], _ random: UInt64) -> String {
    func token(_ index: Int) -> String { tokens.indices.contains(index) ? tokens[index] : "" }
    switch piece {
    case .literal(let text): return text
    case .token(let index): return token(index)
    case .partition(let buckets, let indices):
      let key = indices.isEmpty ? tokens.joined(separator: ".") : indices.map(token).joined()
      return buckets > 0 ? String(Self.hash(key) % UInt32(buckets)) : "0"
    case .splitFromLeft(let index, let position): return Self.cut(token(index), Int(position))
    case .splitFromRight(let index, let position):
      let text = token(index)
      return position > 0 ? Self.cut(text, text.utf8.count - Int(position)) : text
    case .sliceFromLeft(let index, let size): return Self.slices(token(index), Int(size), first: 0)
    case .sliceFromRight(let index, let size):
      let text = token(index)
      return Self.slices(text, Int(size), first: size > 0 ? text.utf8.count % Int(size) : 0)
    case .split(let index, let delimiter):
      guard !delimiter.isEmpty else { return token(index) }
      return Self.parts(token(index), delimiter).filter { !$0.isEmpty }.joined(separator: ".")
    case .left(let index, let size):
      let text = Array(token(index).utf8)
      return size > 0 && Int(size) < text.count
        ? String(decoding: text.prefix(Int(size)), as: UTF8.self) : token(index)
    case .right(let index, let size):
      let text = Array(token(index).utf8)
      return size > 0 && Int(size) < text.count
        ? String(decoding: text.suffix(Int(size)), as: UTF8.self) : token(index)
    case .random(let max): return max > 0 ? String(random % UInt64(max)) : "0"
    }
  }

  /// 32-bit FNV-1a, which decides partitions in all of NATS.
  private static func hash(_ text: String) -> UInt32 {
    text.utf8.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
  }

  private static func cut(_ text: String, _ position: Int) -> String {
    let bytes = Array(text.utf8)
    guard position > 0, position < bytes.count else { return text }
    return String(decoding: bytes[..<position], as: UTF8.self) + "."
      + String(decoding: bytes[position...], as: UTF8.self)
  }

  private static func slices(_ text: String, _ size: Int, first: Int) -> String {
    let bytes = Array(text.utf8)
    guard size > 0, size < bytes.count else { return text }
    var parts: [String] = []
    var index = 0
    if first > 0 {
      parts.append(String(decoding: bytes[..<first], as: UTF8.self))
      index = first
    }
    while index < bytes.count {
      let end = min(index + size, bytes.count)
      parts.append(String(decoding: bytes[index..<end], as: UTF8.self))
      index = end
    }
    return parts.joined(separator: ".")
  }

  private static func parts(_ text: String, _ delimiter: String) -> [String] {
    let bytes = Array(text.utf8)
    let separator = Array(delimiter.utf8)
    var parts: [String] = []
    var start = 0
    var index = 0
    while index + separator.count <= bytes.count {
      if bytes[index..<(index + separator.count)].elementsEqual(separator) {
        parts.append(String(decoding: bytes[start..<index], as: UTF8.self))
        index += separator.count
        start = index
      } else {
        index += 1
      }
    }
    parts.append(String(decoding: bytes[start...], as: UTF8.self))
    return parts
  }

  /// The tokens; `nil` when one is empty or something follows `>`.
  private static func tokens(_ subject: String) -> [String]? {
    let tokens = subject.split(separator: ".", omittingEmptySubsequences: false).map { String($0) }
    guard !subject.isEmpty, !tokens.contains(""), !tokens.dropLast().contains(">") else {
      return nil
    }
    return tokens
  }
}
