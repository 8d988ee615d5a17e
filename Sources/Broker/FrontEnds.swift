public import GodwitFrontEndKit
import KafkaFrontEnd
import MQTTFrontEnd
import NATSFrontEnd

/// The protocols that the broker speaks. Everything about them is learnt from these types.
public enum FrontEnds {
  /// All of them, in the order in which people are told of them.
  public static var all: [any FrontEnd.Type] {
    [
      NATSServer.self,
      MQTTServer.self,
      KafkaServer.self,
    ]
  }
}
