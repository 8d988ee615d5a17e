/// A variable byte integer (MQTT 5.0, 1.5.5): up to four bytes, seven bits each, low bits first.
public enum MQTTVarint {
  /// The largest value four bytes can hold.
  public static let max = 268_435_455

  /// What stands at a position.
  public enum Scan: Hashable, Sendable {
    /// A value and how many bytes it took.
    case value(Int, size: Int)
    /// The bytes end before the value does.
    case incomplete
    /// More than four bytes.
    case tooLong
    /// More bytes than the value needs; an error in MQTT 5.0 (MQTT-1.5.5-1).
    case notMinimal(Int, size: Int)
  }

  /// Reads at `offset`, which may be the end of `bytes`.
  @inlinable
  public static func scan(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Scan {
    var value = 0
    var index = 0
    while index < 4 {
      let position = offset &+ index
      guard position < bytes.count else { return .incomplete }
      let byte = bytes[position]
      value |= Int(byte & 0x7F) << (7 &* index)
      index &+= 1
      if byte & 0x80 == 0 {
        return byte == 0 && index > 1
          ? .notMinimal(value, size: index) : .value(value, size: index)
      }
    }
    return .tooLong
  }

  /// How many bytes a value takes; values above `max` do not exist on the wire.
  @inlinable
  public static func size(_ value: Int) -> Int {
    value < 128 ? 1 : value < 16_384 ? 2 : value < 2_097_152 ? 3 : 4
  }

  /// Writes a value of at most `max` and returns its size. `memory` has four bytes of room.
  @inlinable @discardableResult
  public static func write(_ value: Int, to memory: UnsafeMutableRawPointer) -> Int {
    var rest = value
    var index = 0
    repeat {
      let low = UInt8(truncatingIfNeeded: rest & 0x7F)
      rest >>= 7
      memory.storeBytes(of: rest > 0 ? low | 0x80 : low, toByteOffset: index, as: UInt8.self)
      index &+= 1
    } while rest > 0 && index < 4
    return index
  }
}
