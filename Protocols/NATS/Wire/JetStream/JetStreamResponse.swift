/// What the JetStream API answers: a type's name, and either an error or what was asked for.
///
/// With an error, nats-server writes those fields of the body as well that are never left out.
public struct JetStreamResponse<Body: JetStreamResponseBody>: JetStreamObject {
  /// What is wrong; `nil` when the request was carried out.
  public var error: JetStreamError?
  /// What was asked for.
  public var body = Body()

  /// Makes an empty answer.
  public init() {}

  /// Makes an answer that the request was carried out.
  public init(_ body: Body) {
    self.body = body
  }

  /// Makes an answer that it was not.
  public init(_ error: JetStreamError) {
    self.error = error
  }

  /// The fields, in nats-server's order.
  public mutating func visit(_ fields: inout JetStreamFields) {
    var type = "io.nats.jetstream.api.v1." + Body.typeName
    fields.always("type", &type)
    fields.unlessEmpty("error", &self.error)
    self.body.visit(&fields)
  }
}

/// What stands in an answer beside its type and error.
public protocol JetStreamResponseBody: JetStreamObject {
  /// The type's name behind `io.nats.jetstream.api.v1.`.
  static var typeName: String { get }
}

/// Which part of a list an answer is.
public struct JetStreamPage: JetStreamObject {
  /// How many there are.
  public var total = 0
  /// How many were left out before these.
  public var offset = 0
  /// Most in one answer.
  public var limit = 0

  /// Makes an empty page.
  public init() {}

  /// Makes a page.
  public init(total: Int, offset: Int, limit: Int) {
    self.total = total
    self.offset = offset
    self.limit = limit
  }

  /// The fields, in nats-server's order.
  public mutating func visit(_ fields: inout JetStreamFields) {
    fields.always("total", &self.total)
    fields.always("offset", &self.offset)
    fields.always("limit", &self.limit)
  }

  /// Most names in one answer.
  public static var namesMax: Int { 1024 }
  /// Most streams or consumers with all they are, in one answer.
  public static var listMax: Int { 256 }
  /// Most subjects in one STREAM.INFO.
  public static var subjectsMax: Int { 100_000 }
}
