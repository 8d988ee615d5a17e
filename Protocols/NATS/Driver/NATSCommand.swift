import Godwit
import GodwitDriverKit

/// What tasks ask of a NATS connection.
enum NATSCommand: Sendable {
  /// Who waits for the confirmation of a publish, and what the server may complain of.
  struct Waiter: Sendable {
    var token: UInt64
    var subjects: [String]
    var confirmation: Confirmation<Void>
  }

  /// To publish what the batch's next frames hold, in so many bytes, the largest message of such a
  /// size with its headers.
  case publish(bytes: Int, sizeMax: Int, Waiter?)
  /// Nobody waits for that publish any more.
  case withdraw(UInt64)
  indirect case subscribe(UInt64, SubscriptionRequest, DeliveryWindow, Confirmation<Void>)
  case setPaused(UInt64, Bool)
  /// To unsubscribe; confirmed when nothing more will come.
  case unsubscribe(UInt64, Confirmation<Void>?)
}
