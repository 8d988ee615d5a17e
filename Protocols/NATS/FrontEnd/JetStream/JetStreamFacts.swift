import GodwitEngine
import NATSWire

/// What of a stream's configuration every message asks for, so that it need not be read each time.
struct JetStreamFacts {
  /// Whether publishers get no acknowledgement.
  let noAck: Bool
  /// Whether DIRECT.GET answers.
  let allowDirect: Bool
  /// Whether messages are looked at before they are kept.
  let isPrepared: Bool
  /// The whole configuration, where they are.
  let prepared: JetStreamStreamConfig?
  /// An acknowledgement up to its number.
  let ackPrefix: [UInt8]

  init(_ stream: GodwitEngine.Stream) {
    let config = JetStreamSettings.config(stream.settings)
    self.noAck = config.noAck
    self.allowDirect = config.allowDirect
    self.isPrepared = stream.settings.isPrepared
    self.prepared = stream.settings.isPrepared ? config : nil
    self.ackPrefix = JetStreamPublishAck.prefix(stream: stream.name)
  }
}
