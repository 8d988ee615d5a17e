public import GodwitPrimitives

/// Makes one topic of another: what the levels that a pattern's wildcards stand for become in a
/// template.
///
/// A level of the template is literal, `$n` or `{{wildcard(n)}}` for the level that the pattern's
/// n-th `*` stands for, or another function of it: `partition(count, n, …)`, `left(n, length)`,
/// `right(n, length)`, `split(n, delimiter)`, `splitFromLeft(n, place)`, `splitFromRight(n,
/// place)`, `sliceFromLeft(n, length)`, `sliceFromRight(n, length)`. A final `>` stands for what
/// the pattern's `>` does.
public struct TopicTransform: Hashable, Sendable {
  fileprivate enum Piece: Hashable, Sendable {
    case text([UInt8])
    case wildcard(Int)
    case partition(Int, [Int])
    case left(Int, Int)
    case right(Int, Int)
    case split(Int, [UInt8])
    case splitFromLeft(Int, Int)
    case splitFromRight(Int, Int)
    case sliceFromLeft(Int, Int)
    case sliceFromRight(Int, Int)
    case rest
  }

  /// Which topics are changed.
  public let source: TopicPattern
  /// What they become.
  public let template: String
  private let pieces: [Piece]

  /// A transform.
  ///
  /// - Throws: `invalidSettings` when the template cannot be read, or speaks of wildcards that the
  ///   pattern has not.
  public init(source: TopicPattern, template: String) throws(EngineError) {
    self.source = source
    self.template = template
    let levels = template.split(separator: ".", omittingEmptySubsequences: false)
    var pieces: [Piece] = []
    for (index, level) in levels.enumerated() {
      guard let piece = Self.piece(level, isLast: index == levels.count - 1) else {
        throw EngineError(.invalidSettings, "\(level) is no level of a topic's template")
      }
      pieces.append(piece)
    }
    self.pieces = pieces
    let wildcards = source.bytes.split(separator: UInt8(ascii: ".")).count {
      $0.elementsEqual([UInt8(ascii: "*")])
    }
    guard pieces.flatMap(\.wildcards).allSatisfy({ (1...max(1, wildcards)).contains($0) }),
      wildcards > 0 || pieces.allSatisfy(\.wildcards.isEmpty),
      pieces.contains(.rest) == (source.tail != .exact)
    else {
      throw EngineError(.invalidSettings, "\(template) speaks of wildcards that \(source) has not")
    }
  }

  private static func piece(_ level: Substring, isLast: Bool) -> Piece? {
    if level == ">" { return isLast ? .rest : nil }
    if level.first == "$", let number = Int(level.dropFirst()) { return .wildcard(number) }
    guard level.hasPrefix("{{"), level.hasSuffix("}}") else {
      let isLiteral =
        !level.isEmpty && level != "*" && !level.hasPrefix("{{")
        && !level.contains(where: \.isWhitespace)
      return isLiteral ? .text(Array(level.utf8)) : nil
    }
    let call = level.dropFirst(2).dropLast(2).filter { $0 != " " }
    guard let open = call.firstIndex(of: "("), call.hasSuffix(")") else { return nil }
    let texts = call[call.index(after: open)...].dropLast().split(separator: ",")
    let numbers = texts.compactMap { Int($0) }.filter { $0 >= 0 }
    let name = call[..<open].lowercased()
    if name == "split", texts.count == 2, let first = numbers.first {
      return .split(first, Array(texts[1].utf8))
    }
    guard numbers.count == texts.count, let first = numbers.first else { return nil }
    if name == "wildcard", numbers.count == 1 { return .wildcard(first) }
    if name == "partition", first > 0 { return .partition(first, Array(numbers.dropFirst())) }
    guard numbers.count == 2, numbers[1] > 0 else { return nil }
    switch name {
    case "left": return .left(first, numbers[1])
    case "right": return .right(first, numbers[1])
    case "splitfromleft": return .splitFromLeft(first, numbers[1])
    case "splitfromright": return .splitFromRight(first, numbers[1])
    case "slicefromleft": return .sliceFromLeft(first, numbers[1])
    case "slicefromright": return .sliceFromRight(first, numbers[1])
    default: return nil
    }
  }

  /// What `topic`, a literal, becomes; `nil` where the pattern does not match it.
  public func apply(to topic: UnsafeRawBufferPointer) -> [UInt8]? {
    guard self.source.matches(topic) else { return nil }
    var wild: [ArraySlice<UInt8>] = []
    let levels = Array(topic).split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    var pattern = self.source.bytes.split(
      separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    if self.source.tail != .exact { pattern.removeLast() }
    for (level, own) in zip(levels, pattern) where own.elementsEqual([UInt8(ascii: "*")]) {
      wild.append(level)
    }
    var result: [[UInt8]] = []
    for piece in self.pieces {
      if case .rest = piece {
        result += levels.dropFirst(pattern.count).map { Array($0) }
      } else {
        result.append(piece.apply(to: wild, topic))
      }
    }
    return Array(result.joined(separator: [UInt8(ascii: ".")]))
  }
}

extension TopicTransform.Piece {
  /// Which wildcards it speaks of.
  fileprivate var wildcards: [Int] {
    switch self {
    case .text, .rest: []
    case .partition(_, let numbers): numbers
    case .wildcard(let number), .left(let number, _), .right(let number, _),
      .split(let number, _), .splitFromLeft(let number, _), .splitFromRight(let number, _),
      .sliceFromLeft(let number, _), .sliceFromRight(let number, _):
      [number]
    }
  }

  fileprivate func apply(
    to wild: [ArraySlice<UInt8>], _ topic: UnsafeRawBufferPointer
  ) -> [UInt8] {
    func level(_ number: Int) -> [UInt8] {
      wild.indices.contains(number - 1) ? Array(wild[number - 1]) : []
    }
    switch self {
    case .text(let text): return text
    case .rest: return []
    case .wildcard(let number): return level(number)
    case .partition(let count, let numbers):
      let key = numbers.isEmpty ? Array(topic) : numbers.flatMap(level)
      return Array("\(Self.hash(key) % UInt32(truncatingIfNeeded: count))".utf8)
    case .left(let number, let length): return Array(level(number).prefix(length))
    case .right(let number, let length): return Array(level(number).suffix(length))
    case .split(let number, let delimiter): return Self.split(level(number), delimiter)
    case .splitFromLeft(let number, let place):
      let bytes = level(number)
      return Self.cut(bytes, at: place)
    case .splitFromRight(let number, let place):
      let bytes = level(number)
      return Self.cut(bytes, at: bytes.count - place)
    case .sliceFromLeft(let number, let length):
      return Self.slice(level(number), length, first: length)
    case .sliceFromRight(let number, let length):
      let bytes = level(number)
      return Self.slice(bytes, length, first: bytes.count % length)
    }
  }

  /// FNV-1a, 32 bits.
  private static func hash(_ bytes: [UInt8]) -> UInt32 {
    bytes.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
  }

  private static var dot: UInt8 { UInt8(ascii: ".") }

  private static func cut(_ bytes: [UInt8], at place: Int) -> [UInt8] {
    guard place > 0, place < bytes.count else { return bytes }
    return bytes[..<place] + [Self.dot] + bytes[place...]
  }

  private static func slice(_ bytes: [UInt8], _ length: Int, first: Int) -> [UInt8] {
    guard length < bytes.count else { return bytes }
    var parts: [ArraySlice<UInt8>] = []
    var start = 0
    var end = first > 0 ? first : length
    while start < bytes.count {
      parts.append(bytes[start..<min(end, bytes.count)])
      start = end
      end += length
    }
    return Array(parts.joined(separator: [Self.dot]))
  }

  private static func split(_ bytes: [UInt8], _ delimiter: [UInt8]) -> [UInt8] {
    guard !delimiter.isEmpty else { return bytes }
    var parts: [[UInt8]] = []
    var part: [UInt8] = []
    var index = 0
    while index < bytes.count {
      if bytes[index...].starts(with: delimiter) {
        parts.append(part)
        part = []
        index += delimiter.count
      } else {
        part.append(bytes[index])
        index += 1
      }
    }
    parts.append(part)
    return Array(parts.filter { !$0.isEmpty }.joined(separator: [Self.dot]))
  }
}
