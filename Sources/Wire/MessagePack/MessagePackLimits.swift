/// Bounds on a MessagePack document.
public struct MessagePackLimits: Hashable, Sendable {
  /// Most bytes, read or written. Default 16 MiB.
  public var bytesMax = 16 << 20
  /// Deepest nesting of arrays and maps. Default 64.
  public var depthMax = 64
  /// Most values that are read, keys and containers counted. Default 1,048,576.
  public var valuesMax = 1 << 20

  /// Makes limits with the default values.
  public init() {}

  /// 16 MiB, 64 levels, 1,048,576 values.
  public static var defaults: Self { Self() }
}
