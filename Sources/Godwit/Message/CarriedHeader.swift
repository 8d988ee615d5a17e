/// The headers that carry a message's facts where a protocol has no place for them, the same on
/// every driver, so that a message crosses from one to another. For drivers.
public enum CarriedHeader {
  /// `Message.key`.
  public static let key = "Godwit-Key"
  /// `Message.time`, in nanoseconds since 1970, as a decimal number.
  public static let time = "Godwit-Time"
}
