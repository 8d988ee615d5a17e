import MQTTWire
import NATSWire
import NIOCore

/// A message where it stands in received bytes: valid during the call that hands it out.
struct Delivery {
  /// Whose properties stand in `metadata`.
  enum Form: Hashable {
    case nats
    case mqtt
  }

  var form: Form
  /// The number that `subscribe` gave; 0 where the protocol does not say.
  var subscription = 0
  var topic: UnsafeRawBufferPointer
  var reply = UnsafeRawBufferPointer(start: nil, count: 0)
  /// NATS' header block, or MQTT's properties without their length.
  var metadata: UnsafeRawBufferPointer
  var payload: UnsafeRawBufferPointer
  var qos = MQTTQoS.atMostOnce
  var retain = false
}

/// A message that came in, in the words of the connection's protocol.
struct IncomingMessage: Hashable, Sendable {
  /// The number that `subscribe` gave; 0 where the protocol does not say.
  var subscription = 0
  /// Where it was published to.
  var topic = ""
  /// What.
  var payload = ByteBuffer()
  /// NATS' status, such as 503 when nobody answers a request.
  var status: Int?
  /// Headers in order, without those that have a place of their own below.
  var headers: [MessageHeader] = []
  /// Where answers go.
  var reply: String?
  /// What an answer is to carry back.
  var correlation: ByteBuffer?
  /// The payload's media type.
  var contentType: String?
  /// How many seconds somebody still wants it.
  var expirySeconds: UInt32?
  /// MQTT's quality of service.
  var qos = MQTTQoS.atMostOnce
  /// Whether it was kept from before.
  var retain = false

  init() {}

  /// Copies a message out of the received bytes.
  init(_ delivery: Delivery) {
    self.subscription = delivery.subscription
    self.topic = String(decoding: delivery.topic, as: UTF8.self)
    self.payload = ByteBuffer(bytes: delivery.payload)
    self.qos = delivery.qos
    self.retain = delivery.retain
    if !delivery.reply.isEmpty { self.reply = String(decoding: delivery.reply, as: UTF8.self) }
    switch delivery.form {
    case .nats: self.read(headers: delivery.metadata)
    case .mqtt: self.read(properties: delivery.metadata)
    }
  }

  private mutating func read(headers block: UnsafeRawBufferPointer) {
    guard !block.isEmpty, let headers = try? NATSHeaders(parsing: block) else { return }
    self.status = headers.status
    for field in headers.fields {
      switch field.name.lowercased() {
      case MetadataNames.contentType.lowercased() where self.contentType == nil:
        self.contentType = field.value
      case MetadataNames.correlation.lowercased() where self.correlation == nil:
        self.correlation = ByteBuffer(string: field.value)
      case MetadataNames.timeToLive.lowercased() where self.expirySeconds == nil:
        self.expirySeconds = MetadataNames.seconds(field.value)
        if self.expirySeconds == nil { fallthrough }
      default: self.headers.append(MessageHeader(field.name, field.value))
      }
    }
  }

  private mutating func read(properties bytes: UnsafeRawBufferPointer) {
    guard !bytes.isEmpty,
      let properties = try? MQTTProperties(copying: bytes, in: .publish)
    else { return }
    self.reply = properties.text(.responseTopic)
    self.correlation = properties.data(.correlationData)
    self.contentType = properties.text(.contentType)
    self.expirySeconds = properties.number(.messageExpiryInterval)
    self.headers = properties.userProperties.map { MessageHeader($0.name, $0.value) }
  }
}

/// NATS headers for what MQTT has properties for.
enum MetadataNames {
  static let contentType = "Content-Type"
  static let timeToLive = "Nats-TTL"
  static let correlation = "Correlation-Data"

  /// Reads whole seconds, written as `30`, `30s`, `2m` or `1h`.
  static func seconds(_ text: String) -> UInt32? {
    let units: [Character: UInt32] = ["s": 1, "m": 60, "h": 3600]
    guard let last = text.last else { return nil }
    guard let unit = units[last] else { return UInt32(text) }
    guard let number = UInt32(text.dropLast()) else { return nil }
    let (seconds, overflow) = number.multipliedReportingOverflow(by: unit)
    return overflow ? nil : seconds
  }
}
