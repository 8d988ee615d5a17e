import GodwitWire

/// Bounds on schemas that come from a peer.
public struct SchemaLimits: Hashable, Sendable {
  /// Most bytes of a schema's text. Default 512 KiB.
  public var bytesMax = 512 << 10
  /// Deepest nesting of a schema's text. Default 96.
  public var depthMax = 96
  /// Most values, types, fields and the like in a schema. Default 65,536.
  public var nodesMax = 1 << 16
  /// Most bytes of a type's full name, with its package or namespace. Default 1,024.
  public var nameBytesMax = 1_024
  /// Longest chain of types that refer to each other which is followed. Default 256.
  public var chainMax = 256
  /// Most bytes of all schemas together that a schema needs. Default 4 MiB.
  public var referencedBytesMax = 4 << 20
  /// Most schemas that a schema needs, those that they need included. Default 256.
  public var referencesMax = 256
  /// Most steps that all comparisons of one request may take together, and that finding the types
  /// of one schema may. Default 200,000, a fraction of a second.
  public var stepsMax = 200_000

  /// The default values.
  public init() {}

  /// The defaults documented at each member.
  public static var defaults: Self { Self() }

  var json: JSONLimits {
    var limits = JSONLimits()
    limits.bytesMax = self.bytesMax
    limits.depthMax = self.depthMax
    limits.valuesMax = self.nodesMax
    return limits
  }

  /// Throws where a type's full name is too long.
  func check(name: String) throws(SchemaError) {
    guard name.utf8.count <= self.nameBytesMax else {
      throw SchemaError(.tooLarge, "a name of more than \(self.nameBytesMax) bytes")
    }
  }

  /// Reads JSON within the bounds.
  func json(_ text: String) throws(SchemaError) -> JSONValue {
    do throws(JSONError) {
      return try JSONValue(parsing: text, limits: self.json)
    } catch {
      throw SchemaError(error.code == .limitExceeded ? .tooLarge : .invalid, "\(error)")
    }
  }
}

/// Steps that a comparison may still take. Schemas can be written so that comparing them by the
/// book takes longer than anybody waits; the book has no bound, so there is one here.
public struct WorkBudget: Hashable, Sendable {
  /// How many are left.
  public private(set) var steps: Int

  /// As many steps as said.
  public init(steps: Int) {
    self.steps = steps
  }

  /// Takes steps.
  ///
  /// - Throws: `SchemaError` with `tooLarge` when there are none left.
  public mutating func spend(_ count: Int = 1) throws(SchemaError) {
    guard count <= self.steps else {
      self.steps = 0
      throw SchemaError(.tooLarge, "the schemas are too complex to be compared")
    }
    self.steps -= count
  }
}
