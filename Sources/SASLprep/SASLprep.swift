import Foundation

/// Names and passwords in the one form in which they are stored and compared: SASLprep (RFC 4013).
///
/// Two ways to type one password (`é` as one code point or two, a no-break space) come to the same
/// bytes, so that a client that prepares and one that does not both get in. Code points that
/// Unicode has not assigned are refused everywhere, by today's Unicode rather than by version 3.2.
public enum SASLprep {
  /// 4,096 bytes: nobody types more, and a peer's text is worked on while it waits.
  public static let bytesMax = 4_096

  /// Why a text has no prepared form. One clause that follows "it".
  public struct Refusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// The clause.
    public let description: String

    init(_ description: String) {
      self.description = description
    }
  }

  /// The prepared form of a text; printable ASCII is its own.
  ///
  /// - Throws: `Refusal` for a text that is longer than `bytesMax`, holds what RFC 4013, section
  ///   2.3 prohibits, or mixes directions against RFC 3454, section 6.
  public static func prepare(_ text: String) throws(Refusal) -> String {
    guard text.utf8.count <= Self.bytesMax else {
      throw Refusal("is longer than \(Self.bytesMax) bytes")
    }
    if text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) { return text }
    var mapped = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if Self.holds(SASLprepTables.spaces, scalar) {
        mapped.append(" ")
      } else if !Self.holds(SASLprepTables.nothing, scalar) {
        mapped.append(scalar)
      }
    }
    let prepared = String(mapped).precomposedStringWithCompatibilityMapping
    guard prepared.isEmpty == text.isEmpty else {
      throw Refusal("holds nothing that can be seen")
    }
    try Self.check(prepared.unicodeScalars)
    return prepared
  }

  /// The prepared form of UTF-8 bytes.
  ///
  /// - Throws: `Refusal`, also for bytes that are not UTF-8.
  public static func prepare(_ bytes: [UInt8]) throws(Refusal) -> [UInt8] {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Refusal("is not UTF-8 text")
    }
    return Array(try Self.prepare(text).utf8)
  }

  private static func check(_ scalars: String.UnicodeScalarView) throws(Refusal) {
    var hasRightToLeft = false
    var hasLeftToRight = false
    for scalar in scalars {
      let isUnassigned = scalar.properties.generalCategory == .unassigned
      if isUnassigned || Self.holds(SASLprepTables.prohibited, scalar) {
        let digits = String(scalar.value, radix: 16, uppercase: true)
        let padding = String(repeating: "0", count: max(0, 4 - digits.count))
        throw Refusal("holds the code point U+\(padding)\(digits), which is not allowed in it")
      }
      if Self.holds(SASLprepTables.rightToLeft, scalar) { hasRightToLeft = true }
      if Self.holds(SASLprepTables.leftToRight, scalar) { hasLeftToRight = true }
    }
    guard hasRightToLeft else { return }
    let areEndsRightToLeft = [scalars.first, scalars.last].allSatisfy { scalar in
      scalar.map { Self.holds(SASLprepTables.rightToLeft, $0) } ?? false
    }
    guard !hasLeftToRight, areEndsRightToLeft else {
      throw Refusal("mixes letters written from right to left with others")
    }
  }

  /// Whether the sorted `ranges` hold `scalar`.
  private static func holds(_ ranges: [ClosedRange<UInt32>], _ scalar: Unicode.Scalar) -> Bool {
    var (low, high) = (0, ranges.count)
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound < scalar.value { low = middle + 1 } else { high = middle }
    }
    return low < ranges.count && ranges[low].contains(scalar.value)
  }
}
