import Godwit
import NIOCore
import Synchronization

/// The last topic that was published to, in MQTT's form: most often it is the next one's too.
final class MQTTNameCache: Sendable {
  private let last = Mutex<(topic: String, name: ByteBuffer)?>(nil)

  /// A topic's name.
  ///
  /// - Throws: `invalidArgument` when MQTT cannot say it.
  func name(_ topic: String) throws(GodwitError) -> ByteBuffer {
    let known = self.last.withLock { last -> ByteBuffer? in
      if let last, last.topic == topic { return last.name }
      return nil
    }
    if let known { return known }
    let name = try MQTTNames.name(topic)
    self.last.withLock { $0 = (topic, name) }
    return name
  }
}
