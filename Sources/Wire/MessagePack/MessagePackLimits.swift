/// Bounds on a MessagePack document.
public struct MessagePackLimits: Hashable, Sendable {
  /// Most bytes, read or written. Default 16 MiB.
  public var bytesMax = 16 << 20
  /// Deepest nesting of arrays and maps. Default 64.
  public var depthMax = 64

  /// Makes limits with the default values.
  public init() {}

  /// 16 MiB, 64 levels.
  public static var defaults: Self { Self() }
}
