import Godwit
import GodwitDriverKit

/// What tasks ask of an MQTT connection.
enum MQTTCommand: Sendable {
  /// To publish; a token and a confirmation where somebody waits.
  case publish([MQTTOutgoing], token: UInt64?, Confirmation<[Int?]>?)
  /// Nobody waits for that publish any more.
  case withdraw(UInt64)
  case subscribe(UInt64, MQTTInterest, DeliveryWindow, Confirmation<Void>)
  /// A message is done with, or goes back.
  case settle(UInt64, isDone: Bool)
  /// To take no part for a while, or again; confirmed when it is so.
  case setPaused(UInt64, Bool, Confirmation<Void>)
  /// To unsubscribe; confirmed when nothing more will come.
  case unsubscribe(UInt64, Confirmation<Void>?)
  /// To prove the password again, where a connection stands; another will have it proven anyway.
  case reauthenticate(UInt64, Confirmation<Void>)
}
