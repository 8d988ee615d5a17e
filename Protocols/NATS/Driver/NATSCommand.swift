import Godwit
import GodwitDriverKit

/// What tasks ask of a NATS connection.
enum NATSCommand: Sendable {
  /// To publish; a token and a confirmation where somebody waits.
  case publish(NATSPublish, token: UInt64?, Confirmation<Void>?)
  /// Nobody waits for that publish any more.
  case withdraw(UInt64)
  case subscribe(UInt64, SubscriptionRequest, DeliveryWindow, Confirmation<Void>)
  case setPaused(UInt64, Bool)
  /// To unsubscribe; confirmed when nothing more will come.
  case unsubscribe(UInt64, Confirmation<Void>?)
}
