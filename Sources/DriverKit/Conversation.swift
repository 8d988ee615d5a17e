public import Godwit
public import NIOCore

/// A protocol's client half, over any number of connections after one another: bytes and commands
/// in, bytes out. Everything happens on the event loop of its `DriverLink`.
public protocol Conversation<Batch>: AnyObject, SendableMetatype {
  /// What tasks ask for.
  associatedtype Batch: CommandBatch & Sendable

  /// When `timePassed` is to be called; `nil` when nothing waits for time.
  var deadline: NIODeadline? { get }
  /// The bytes of publishes that wait here for a connection.
  var waitingBytes: Int { get }

  /// A connection stands, TLS and WebSocket included where the endpoint says so.
  func begin(_ endpoint: Endpoint, _ turn: inout LinkTurn) throws(GodwitError)
  /// The TLS that the conversation asked for stands.
  func secured(_ turn: inout LinkTurn) throws(GodwitError)
  /// Bytes came in: takes what is whole and leaves the rest.
  func receive(_ input: inout ByteBuffer, _ turn: inout LinkTurn) throws(GodwitError)
  /// Does what was asked for, or keeps it until there is a connection.
  ///
  /// - Parameter batch: is left empty; what room it has is used again.
  func perform(_ batch: inout Batch, _ turn: inout LinkTurn)
  /// A burst of bytes or commands is over: what is gathered for it is said now.
  func endBurst(_ turn: inout LinkTurn)
  /// `deadline` has come. What is thrown ends the connection.
  func timePassed(_ turn: inout LinkTurn) throws(GodwitError)
  /// Ends in good order: says `turn.isDrained`, now or later, when all is confirmed.
  func drain(_ turn: inout LinkTurn)
  /// The connection is gone; there may be another.
  func end(_ error: GodwitError)
  /// No connection could be had: what waits for one fails.
  func abandon(_ error: GodwitError)
  /// There will be no other connection: everything that waits fails, every queue ends.
  func close(_ error: GodwitError)
  /// What is asked for comes too late: it fails.
  func refuse(_ batch: Batch, _ error: GodwitError)
}

/// What one call of a conversation has to say.
public struct LinkTurn {
  /// Bytes for the server.
  public var output: ByteBuffer
  /// The time of the turn.
  public let now: NIODeadline
  /// Set when publishes and subscriptions work.
  public var isReady = false
  /// Set when TLS is to begin behind the output so far.
  public var wantsTLS = false
  /// Set when a drain is over.
  public var isDrained = false
  /// Set when another server is to be connected to in place of this one, and all is confirmed.
  public var wantsMove = false
  /// All servers that the server knows of; `nil` when it said nothing about them.
  public var learnt: [Endpoint]?

  /// A turn.
  public init(output: ByteBuffer, now: NIODeadline) {
    self.output = output
    self.now = now
  }
}
