/// Bounds on a JSON document that comes from a peer.
public struct JSONLimits: Hashable, Sendable {
  /// Most bytes of text. Default 1 MiB.
  public var bytesMax = 1 << 20
  /// Deepest nesting of arrays and objects. Default 32.
  public var depthMax = 32
  /// Most values in the document, names not counted. Default 65,536.
  public var valuesMax = 1 << 16

  /// Makes limits with the default values.
  public init() {}

  /// 1 MiB, 32 levels, 65,536 values.
  public static var defaults: Self { Self() }
}
