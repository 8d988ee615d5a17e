import Godwit
import GodwitWire
import MQTTWire
import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Headers that mean something to the MQTT driver.
public enum MQTTHeader {
  /// `true` has the server retain a message, anything else not, whatever the settings say. It does
  /// not travel.
  public static let retain = "Godwit-Retain"
  /// `true` on a message that was retained, and came because of the subscription.
  public static let retained = "Godwit-Retained"
}

/// How a message's facts travel in MQTT 5.0: properties, and for what there is none, user
/// properties of the names that Godwit's own broker translates for other protocols, and of
/// `CarriedHeader`.
///
/// | message | MQTT 5.0 |
/// |---|---|
/// | `topic`, `replyTo` | topic, Response Topic: levels joined by `/` |
/// | `id` | `message-id` |
/// | `contentType` | Content Type |
/// | `correlationID` | Correlation Data |
/// | `timeToLive` | Message Expiry Interval: what is left, in whole seconds |
/// | `key`, `time` | `Godwit-Key`; what is not visible ASCII as `base64:…`; `Godwit-Time` |
/// | `headers` | user properties of their names, in order |
enum MQTTUserProperty {
  static let id = "message-id"
}

extension Message {
  /// The message as it goes to the server.
  ///
  /// - Throws: `invalidArgument` when MQTT cannot carry it.
  func outgoing(
    _ settings: MQTTSettings, named names: MQTTNameCache
  ) throws(GodwitError) -> MQTTOutgoing {
    let retain = self.headers[MQTTHeader.retain].map { $0 == "true" } ?? settings.retainsMessages
    let isNative = settings.version == .v5
    guard isNative || settings.usesEnvelope || self.replyTo == nil else {
      throw GodwitError(.unsupported, "MQTT 3.1.1 carries no topic for answers without 'envelope'")
    }
    let properties =
      isNative || settings.usesEnvelope ? try self.mqttProperties() : MQTTProperties()
    let name = try names.name(self.topic)
    return MQTTOutgoing(
      topic: name, properties: isNative ? properties : MQTTProperties(),
      payload: !isNative && settings.usesEnvelope
        ? MQTTDriverEnvelope.seal(properties, self.body) : self.body,
      qos: settings.qos.wire, retain: retain)
  }

  private func mqttProperties() throws(GodwitError) -> MQTTProperties {
    var properties = MQTTProperties()
    // What is always there, and most others.
    properties.reserveCapacity(128 + self.id.utf8.count + (self.contentType?.utf8.count ?? 0))
    if let contentType = self.contentType {
      properties.append(.contentType, try Self.text(contentType, "the content type"))
    }
    if let replyTo = self.replyTo {
      properties.append(.responseTopic, try MQTTNames.name(replyTo))
    }
    if let correlation = self.correlationID {
      let bytes = Self.bytes(of: correlation)
      guard bytes.count <= Int(UInt16.max) else {
        throw GodwitError(.tooLarge, "a correlation of \(bytes.count) bytes; MQTT takes 65535")
      }
      properties.append(.correlationData, ByteBuffer(bytes: bytes))
    }
    if let timeToLive = self.timeToLive {
      // What is left of it: servers count from when they get the message.
      let (seconds, attoseconds) =
        (timeToLive - .seconds(max(0, Date().timeIntervalSince(self.time)))).components
      let whole = attoseconds > 0 ? seconds.addingReportingOverflow(1).partialValue : seconds
      properties.append(.messageExpiryInterval, UInt32(clamping: max(1, whole)))
    }
    for field in self.headers where field.name != MQTTHeader.retain {
      _ = try Self.text(field.name, "a header's name")
      _ = try Self.text(field.value, "the header '\(field.name)'")
      properties.append(userProperty: field.name, field.value)
    }
    _ = try Self.text(self.id, "the id")
    properties.append(userProperty: MQTTUserProperty.id, self.id)
    if let key = self.key {
      let text = try Self.text(CarriedHeader.text(of: key), "the key")
      properties.append(userProperty: CarriedHeader.key, text)
    }
    if let nanoseconds = Int64(exactly: (self.time.timeIntervalSince1970 * 1e9).rounded()) {
      properties.append(userProperty: CarriedHeader.time, String(nanoseconds))
    }
    return properties
  }

  private static func text(_ text: String, _ what: String) throws(GodwitError) -> String {
    var text = text
    let isText =
      text.utf8.count <= Int(UInt16.max)
      && text.withUTF8 { MQTTText.isValid(UnsafeRawBufferPointer($0)) }
    guard isText else {
      throw GodwitError(.invalidArgument, "MQTT cannot carry \(what) as it is")
    }
    return text
  }

  // MARK: Correlation

  private static let base64Prefix = "base64:"

  /// Text is its UTF-8; bytes that are no text were read as `base64:…`, and go back as they were.
  private static func bytes(of correlation: String) -> [UInt8] {
    if correlation.hasPrefix(self.base64Prefix),
      let bytes = Base64.decode(Array(correlation.utf8.dropFirst(self.base64Prefix.utf8.count))),
      String(validating: bytes, as: UTF8.self) == nil
    {
      return bytes
    }
    return Array(correlation.utf8)
  }

  // MARK: Reading

  /// A message that came.
  ///
  /// - Parameter isAged: whether the server has taken the time that the message waited from what
  ///   it had to live.
  init(
    topic: String, properties: MQTTProperties, payload: ByteBuffer, isRetained: Bool, isAged: Bool
  ) {
    var facts = Facts()
    properties.bytes.withUnsafeReadableBytes { bytes in
      var reader = MQTTPropertyReader(bytes)
      while let property = try? reader.next() { facts.read(property) }
    }
    if isRetained { facts.headers.append(MQTTHeader.retained, "true") }
    let now = Date()
    let time = facts.time ?? now
    let age = isAged ? max(0, now.timeIntervalSince(time)).rounded(.down) : 0
    let timeToLive = facts.secondsToLive.map { Duration.seconds(Int64($0)) + .seconds(age) }
    self.init(
      topic: topic, body: ByteBuffer(bytes: payload.readableBytesView),
      contentType: facts.contentType, headers: facts.headers, key: facts.key,
      timeToLive: timeToLive, id: facts.id ?? Message.makeID(), time: time)
    self.replyTo = facts.replyTo
    self.correlationID = facts.correlation
  }

  /// What properties say, the first of each name.
  private struct Facts {
    var id: String?
    var contentType: String?
    var correlation: String?
    var replyTo: String?
    var key: String?
    var time: Date?
    var secondsToLive: UInt32?
    var headers = Headers()

    mutating func read(_ property: MQTTPropertyView) {
      switch property.id {
      case .contentType: self.contentType = String(decoding: property.value, as: UTF8.self)
      case .responseTopic:
        self.replyTo = String(decoding: MQTTTopicCodec.canonical(property.value), as: UTF8.self)
      case .correlationData:
        self.correlation =
          String(validating: property.value, as: UTF8.self)
          ?? Message.base64Prefix + Base64.encode(Array(property.value))
      case .messageExpiryInterval: self.secondsToLive = property.number
      case .userProperty:
        self.read(
          String(decoding: property.name, as: UTF8.self),
          String(decoding: property.value, as: UTF8.self))
      default: break
      }
    }

    private mutating func read(_ name: String, _ value: String) {
      switch name {
      case MQTTUserProperty.id where self.id == nil: self.id = value
      case CarriedHeader.key where self.key == nil: self.key = CarriedHeader.value(of: value)
      case CarriedHeader.time where self.time == nil:
        guard let nanoseconds = Int64(value) else { return self.headers.append(name, value) }
        self.time = Date(timeIntervalSince1970: Double(nanoseconds) / 1e9)
      default: self.headers.append(name, value)
      }
    }
  }
}
