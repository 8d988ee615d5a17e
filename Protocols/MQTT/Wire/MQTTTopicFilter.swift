/// A topic filter taken apart (MQTT 5.0, 4.7 and 4.8.2). Offsets count from the filter's start.
public struct MQTTTopicFilter: Hashable, Sendable {
  /// The share name of `$share/NAME/FILTER`; `nil` when the subscription is not shared.
  public var shareName: Range<Int>?
  /// The filter proper.
  public var filter: Range<Int>
  /// Whether there is a `+` or a `#`.
  public var hasWildcard: Bool

  /// Checks a filter as it stands in SUBSCRIBE or UNSUBSCRIBE.
  ///
  /// - Returns: `nil` when it is empty or ill-formed text, when `+` does not fill a level, when `#`
  ///   is not the whole last level, or when a share name is empty or holds a wildcard.
  public init?(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count > 0, MQTTText.isValid(bytes) else { return nil }
    var start = 0
    if Self.isShared(bytes) {
      var index = Self.sharePrefix.utf8CodeUnitCount
      let nameStart = index
      while index < bytes.count, bytes[index] != UInt8(ascii: "/") {
        if bytes[index] == UInt8(ascii: "+") || bytes[index] == UInt8(ascii: "#") { return nil }
        index += 1
      }
      guard index > nameStart, index + 1 < bytes.count else { return nil }
      shareName = nameStart..<index
      start = index + 1
    }
    filter = start..<bytes.count
    hasWildcard = false
    for index in start..<bytes.count {
      let byte = bytes[index]
      guard byte == UInt8(ascii: "+") || byte == UInt8(ascii: "#") else { continue }
      hasWildcard = true
      guard index == start || bytes[index - 1] == UInt8(ascii: "/") else { return nil }
      let isLast = index + 1 == bytes.count
      if byte == UInt8(ascii: "#") {
        guard isLast else { return nil }
      } else {
        guard isLast || bytes[index + 1] == UInt8(ascii: "/") else { return nil }
      }
    }
  }

  private static let sharePrefix: StaticString = "$share/"

  /// Whether the bytes start with `$share/`.
  public static func isShared(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count >= sharePrefix.utf8CodeUnitCount else { return false }
    return sharePrefix.withUTF8Buffer { $0.elementsEqual(bytes[..<$0.count]) }
  }
}
