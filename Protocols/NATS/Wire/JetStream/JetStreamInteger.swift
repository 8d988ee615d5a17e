/// A whole number of any size, as counters have it (ADR-49).
public struct JetStreamInteger: Hashable, Sendable {
  private var isNegative: Bool
  /// The decimal digits, the lowest first; none for zero.
  private var digits: [UInt8]

  /// Zero.
  public init() {
    self.isNegative = false
    self.digits = []
  }

  private init(_ digits: [UInt8], isNegative: Bool) {
    var digits = digits
    while digits.last == 0 { digits.removeLast() }
    self.digits = digits
    self.isNegative = isNegative && !digits.isEmpty
  }

  /// Reads digits, perhaps behind a sign.
  ///
  /// - Returns: `nil` when it is no number.
  public init?(_ text: String) {
    var bytes = Array(text.utf8)
    let isNegative = bytes.first == UInt8(ascii: "-")
    if isNegative || bytes.first == UInt8(ascii: "+") { bytes.removeFirst() }
    guard !bytes.isEmpty, bytes.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    self.init(bytes.reversed().map { $0 - 0x30 }, isNegative: isNegative)
  }

  /// The sum.
  public static func + (left: Self, right: Self) -> Self {
    if left.isNegative == right.isNegative {
      return Self(Self.sum(left.digits, right.digits), isNegative: left.isNegative)
    }
    let isLeftLarger = Self.isLess(right.digits, left.digits)
    let (large, small) = isLeftLarger ? (left, right) : (right, left)
    return Self(
      Self.difference(large.digits, small.digits), isNegative: large.isNegative)
  }

  /// The difference.
  public static func - (left: Self, right: Self) -> Self {
    left + Self(right.digits, isNegative: !right.isNegative)
  }

  private static func isLess(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return left.count < right.count }
    return left.reversed().lexicographicallyPrecedes(right.reversed())
  }

  private static func sum(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    var carry: UInt8 = 0
    for place in 0..<max(left.count, right.count) {
      let digit =
        (place < left.count ? left[place] : 0) + (place < right.count ? right[place] : 0) + carry
      result.append(digit % 10)
      carry = digit / 10
    }
    if carry > 0 { result.append(carry) }
    return result
  }

  /// Of digits of which the first are of the larger number.
  private static func difference(_ large: [UInt8], _ small: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    var borrow: UInt8 = 0
    for place in large.indices {
      let taken = (place < small.count ? small[place] : 0) + borrow
      borrow = large[place] < taken ? 1 : 0
      result.append(large[place] + 10 * borrow - taken)
    }
    return result
  }
}

extension JetStreamInteger: CustomStringConvertible {
  /// The digits, behind a sign where it is below zero.
  public var description: String {
    guard !self.digits.isEmpty else { return "0" }
    let digits = String(decoding: self.digits.reversed().map { $0 + 0x30 }, as: UTF8.self)
    return self.isNegative ? "-\(digits)" : digits
  }
}
