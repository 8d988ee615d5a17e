public import GodwitWire

/// An object of the JetStream API's JSON.
public protocol JetStreamObject: JetStreamValue {
  /// Makes one with what a server assumes for fields that are not there.
  init()

  /// Names all fields in the order nats-server writes them.
  mutating func visit(_ fields: inout JetStreamFields)
}

extension JetStreamObject {
  /// Reads the object's fields.
  public static func read(_ json: JSONValue, in context: inout JetStreamFields) -> Self? {
    guard let members = json.members else { return nil }
    var object = Self()
    var fields = JetStreamFields(reading: members, isStrict: context.isStrict)
    object.visit(&fields)
    fields.checkUnknown()
    context.finish(fields)
    return object
  }

  /// Writes the object's fields.
  public func write(to writer: inout JSONWriter) {
    writer.object { inner in
      var fields = JetStreamFields(writing: inner)
      var object = self
      object.visit(&fields)
      if let written = fields.written { inner = written }
    }
  }

  /// False: Go leaves out no structure, only pointers to them.
  public var isEmptyField: Bool { false }

  /// Reads an object from text.
  ///
  /// - Parameters:
  ///   - text: the JSON; empty text is an object without fields, as nats-server takes it.
  ///   - isStrict: whether unknown fields are an error, as nats-server 2.12 takes it by default.
  ///   - limits: bounds on size, depth and number of values.
  /// - Throws: `JetStreamJSONError`.
  public init(
    parsing text: UnsafeRawBufferPointer, isStrict: Bool, limits: JSONLimits = .defaults
  ) throws(JetStreamJSONError) {
    guard !text.isEmpty else {
      self.init()
      return
    }
    let json: JSONValue
    do throws(JSONError) {
      json = try JSONValue(parsing: text, limits: limits)
    } catch {
      throw JetStreamJSONError(
        error.code == .truncated ? "unexpected EOF" : "invalid syntax at offset \(error.offset)")
    }
    var context = JetStreamFields(reading: [], isStrict: isStrict)
    guard let object = Self.read(json, in: &context) else {
      throw context.failure ?? JetStreamJSONError("json: not an object")
    }
    if let failure = context.failure { throw failure }
    self = object
  }

  /// The object as compact JSON.
  public var encoded: [UInt8] {
    var writer = JSONWriter(reservingBytes: 512)
    self.write(to: &writer)
    return writer.bytes
  }
}
