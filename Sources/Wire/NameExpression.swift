/// A regular expression for names, as peers give it: the part of RE2's syntax that names have use
/// for, in time that grows with the name and the expression and no faster.
///
/// Text, `.`, classes, groups, `|`, `*`, `+`, `?`, `{n,m}`, `^`, `$`, `\d`, `\w`, `\s` and their
/// opposites. A name must match whole.
public struct NameExpression: Sendable {
  private enum Step {
    case byte(ByteSet)
    case either(Int, Int)
    case jump(Int)
    case start
    case end
  }

  private struct ByteSet {
    var low: UInt64 = 0
    var high: UInt64 = 0

    mutating func insert(_ byte: UInt8) {
      if byte < 64 {
        low |= 1 << UInt64(byte)
      } else if byte < 128 {
        high |= 1 << UInt64(byte - 64)
      }
    }
    func contains(_ byte: UInt8) -> Bool {
      byte < 64
        ? low >> UInt64(byte) & 1 == 1 : byte < 128 && high >> UInt64(byte - 64) & 1 == 1
    }
    mutating func formUnion(_ other: ByteSet) {
      low |= other.low
      high |= other.high
    }
    var inverted: ByteSet { ByteSet(low: ~low, high: ~high) }
    static func of(_ bytes: some Sequence<UInt8>) -> ByteSet {
      var set = ByteSet()
      for byte in bytes { set.insert(byte) }
      return set
    }
  }

  private indirect enum Node {
    case set(ByteSet)
    case start
    case end
    case all([Node])
    case any([Node])
    case times(Node, Int, Int?)
  }

  /// The longest expression in bytes, and the most steps that it may amount to.
  private static let bytesMax = 1_024
  private static let stepsMax = 512
  private static let depthMax = 32

  private var steps: [Step] = []
  /// How many parts were made steps of: empty ones, repeated, are none.
  private var emitted = 0

  /// Reads an expression; `nil` for what is none, or none of these, or too large.
  public init?(_ text: String) {
    guard text.utf8.count <= Self.bytesMax, text.utf8.allSatisfy({ $0 < 128 }) else { return nil }
    var parser = Parser(bytes: Array(text.utf8))
    guard let node = parser.alternatives(depth: 0), parser.isAtEnd, emit(node) else { return nil }
  }

  private struct Parser {
    let bytes: [UInt8]
    var place = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { place >= bytes.count }
    private var next: UInt8? { isAtEnd ? nil : bytes[place] }

    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
      guard next == UInt8(ascii: character) else { return false }
      place += 1
      return true
    }

    mutating func alternatives(depth: Int) -> Node? {
      guard depth < NameExpression.depthMax else { return nil }
      var parts: [Node] = []
      repeat {
        guard let part = sequence(depth: depth) else { return nil }
        parts.append(part)
      } while skip("|")
      return parts.count == 1 ? parts[0] : .any(parts)
    }

    private mutating func sequence(depth: Int) -> Node? {
      var parts: [Node] = []
      while let byte = next, byte != UInt8(ascii: "|"), byte != UInt8(ascii: ")") {
        guard let atom = atom(depth: depth), let part = counted(atom) else { return nil }
        parts.append(part)
      }
      return .all(parts)
    }

    private mutating func counted(_ atom: Node) -> Node? {
      let node: Node
      if skip("*") {
        node = .times(atom, 0, nil)
      } else if skip("+") {
        node = .times(atom, 1, nil)
      } else if skip("?") {
        node = .times(atom, 0, 1)
      } else if skip("{") {
        guard let low = number() else { return nil }
        var high: Int? = low
        if skip(",") { high = next == UInt8(ascii: "}") ? nil : number() ?? -1 }
        guard skip("}"), high.map({ $0 >= low }) ?? true else { return nil }
        node = .times(atom, low, high)
      } else {
        return atom
      }
      // Whether as much or as little as can be is taken is the same for the whole name.
      _ = skip("?")
      return node
    }

    private mutating func number() -> Int? {
      var value: Int?
      while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
        value = (value ?? 0) * 10 + Int(byte - UInt8(ascii: "0"))
        guard let value, value <= 1_000 else { return nil }
        place += 1
      }
      return value
    }

    private mutating func atom(depth: Int) -> Node? {
      guard let byte = next else { return nil }
      place += 1
      switch Unicode.Scalar(byte) {
      case "(":
        if skip("?"), !skip(":") { return nil }
        guard let inner = alternatives(depth: depth + 1), skip(")") else { return nil }
        return inner
      case "[": return members().map(Node.set)
      case ".": return .set(ByteSet(low: .max, high: .max))
      case "^": return .start
      case "$": return .end
      case "\\": return escaped().map(Node.set)
      case "*", "+", "?", "{", "}", "]": return nil
      default: return .set(.of([byte]))
      }
    }

    private mutating func escaped() -> ByteSet? {
      guard let byte = next else { return nil }
      place += 1
      let digits = ByteSet.of(UInt8(ascii: "0")...UInt8(ascii: "9"))
      var words = digits
      words.formUnion(.of(UInt8(ascii: "a")...UInt8(ascii: "z")))
      words.formUnion(.of(UInt8(ascii: "A")...UInt8(ascii: "Z")))
      words.insert(UInt8(ascii: "_"))
      let spaces = ByteSet.of([9, 10, 12, 13, 32])
      switch Unicode.Scalar(byte) {
      case "d": return digits
      case "D": return digits.inverted
      case "w": return words
      case "W": return words.inverted
      case "s": return spaces
      case "S": return spaces.inverted
      default: return words.contains(byte) ? nil : .of([byte])
      }
    }

    private mutating func members() -> ByteSet? {
      let isInverted = skip("^")
      var set = ByteSet()
      var isFirst = true
      while isFirst || next != UInt8(ascii: "]") {
        isFirst = false
        guard let byte = next else { return nil }
        place += 1
        if byte == UInt8(ascii: "\\") {
          guard let inner = escaped() else { return nil }
          set.formUnion(inner)
        } else if next == UInt8(ascii: "-"), place + 1 < bytes.count,
          bytes[place + 1] != UInt8(ascii: "]")
        {
          let last = bytes[place + 1]
          guard last >= byte, last != UInt8(ascii: "\\") else { return nil }
          set.formUnion(.of(byte...last))
          place += 2
        } else if byte == UInt8(ascii: "["), next == UInt8(ascii: ":") {
          return nil
        } else {
          set.insert(byte)
        }
      }
      place += 1
      return isInverted ? set.inverted : set
    }
  }

  // MARK: Steps

  private mutating func emit(_ node: Node) -> Bool {
    emitted += 1
    guard steps.count < Self.stepsMax, emitted < 4 * Self.stepsMax else { return false }
    switch node {
    case .set(let set): steps.append(.byte(set))
    case .start: steps.append(.start)
    case .end: steps.append(.end)
    case .all(let parts):
      for part in parts { guard emit(part) else { return false } }
    case .any(let parts): return emit(alternatives: parts)
    case .times(let part, let low, let high):
      for _ in 0..<low { guard emit(part) else { return false } }
      guard let high else {
        let start = steps.count
        steps.append(.jump(0))
        guard emit(part) else { return false }
        steps.append(.jump(start))
        steps[start] = .either(start + 1, steps.count)
        return true
      }
      var exits: [Int] = []
      for _ in low..<high {
        exits.append(steps.count)
        steps.append(.jump(0))
        guard emit(part) else { return false }
      }
      for exit in exits { steps[exit] = .either(exit + 1, steps.count) }
    }
    return true
  }

  private mutating func emit(alternatives parts: [Node]) -> Bool {
    var ends: [Int] = []
    for (index, part) in parts.enumerated() {
      let start = steps.count
      let isLast = index == parts.count - 1
      if !isLast { steps.append(.jump(0)) }
      guard emit(part) else { return false }
      guard !isLast else { break }
      ends.append(steps.count)
      steps.append(.jump(0))
      steps[start] = .either(start + 1, steps.count)
    }
    for end in ends { steps[end] = .jump(steps.count) }
    return true
  }

  // MARK: Matching

  /// Whether the whole name matches.
  public func matches(_ name: String) -> Bool {
    let bytes = Array(name.utf8)
    var current: [Int] = []
    var seen = [Bool](repeating: false, count: steps.count + 1)
    add(0, 0, bytes.count, &current, &seen)
    for (place, byte) in bytes.enumerated() {
      var following: [Int] = []
      seen = [Bool](repeating: false, count: steps.count + 1)
      for step in current where step < steps.count {
        guard case .byte(let set) = steps[step], set.contains(byte) else { continue }
        add(step + 1, place + 1, bytes.count, &following, &seen)
      }
      guard !following.isEmpty else { return false }
      current = following
    }
    return current.contains(steps.count)
  }

  private func add(
    _ first: Int, _ place: Int, _ count: Int, _ found: inout [Int], _ seen: inout [Bool]
  ) {
    var open = [first]
    while let step = open.popLast() {
      guard !seen[step] else { continue }
      seen[step] = true
      guard step < steps.count else {
        found.append(step)
        continue
      }
      switch steps[step] {
      case .byte: found.append(step)
      case .either(let one, let other): open += [other, one]
      case .jump(let target): open.append(target)
      case .start: if place == 0 { open.append(step + 1) }
      case .end: if place == count { open.append(step + 1) }
      }
    }
  }
}
