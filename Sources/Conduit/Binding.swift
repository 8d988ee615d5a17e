public import Godwit
import Logging

/// The messages of one event, as long as it lives: a sequence for one reader or several.
///
/// ```swift
/// for await message in try await conduit.bind("user.created") {
///   let user = try await message.payload(as: User.self)
/// }
/// ```
///
/// Bound from its making until `unbind`, or until nobody refers to it: leaving the loop unbinds.
public final class Binding: AsyncSequence, Sendable {
  /// A message.
  public typealias Element = ConduitMessage
  /// Reading does not fail; bodies may.
  public typealias Failure = Never

  private let queue: BindingQueue
  private let exchange: Exchange

  init(_ queue: BindingQueue, exchange: Exchange) {
    self.queue = queue
    self.exchange = exchange
  }

  deinit {
    self.unbind()
  }

  /// The event.
  public var event: String { self.queue.event }

  /// Whether messages still come in.
  public var isBound: Bool { !self.queue.isEnded }

  /// Takes no more messages, and lets go of those that nobody has read: readers get `nil`. A second
  /// time changes nothing.
  public func unbind() {
    self.exchange.unbind(self.queue)
    self.queue.discard()
  }

  /// The next message.
  ///
  /// - Throws: `closed` when it is bound no more, `cancelled`.
  public func next() async throws(GodwitError) -> ConduitMessage {
    if let message = await self.queue.next() { return message }
    if Task.isCancelled { throw GodwitError(.cancelled, "the task was cancelled") }
    throw GodwitError(.closed, "the binding of '\(self.event)' is closed")
  }

  /// Reads.
  public func makeAsyncIterator() -> Iterator { Iterator(binding: self) }

  /// A reader.
  public struct Iterator: AsyncIteratorProtocol {
    let binding: Binding

    /// The next message; `nil` when it is bound no more, or the task is cancelled.
    public mutating func next() async -> ConduitMessage? {
      await self.binding.queue.next()
    }

    /// The next message; `nil` when it is bound no more, or the task is cancelled.
    public mutating func next(isolation actor: isolated (any Actor)?) async -> ConduitMessage? {
      await self.binding.queue.next()
    }
  }
}

extension Binding {
  /// Handles messages until the binding ends or the task is cancelled.
  ///
  /// An error that `handler` throws is told to the requester where the message is a request, and
  /// logged where it is none; the next message follows.
  ///
  /// - Parameter concurrency: the most messages at work at a time. Default 1.
  public func serve(
    concurrency: Int = 1, _ handler: @escaping @Sendable (ConduitMessage) async throws -> Void
  ) async {
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<Swift.max(1, concurrency) {
        group.addTask {
          while let message = await self.queue.next() {
            await self.handle(message, with: handler)
          }
        }
      }
    }
  }

  /// Handles values, and replies to requests with what `handler` returns, until the binding ends or
  /// the task is cancelled. Errors are as for `serve(concurrency:_:)`.
  public func answer<Value: Sendable, Answer: Sendable>(
    _ type: Value.Type = Value.self, concurrency: Int = 1,
    _ handler: @escaping @Sendable (Value) async throws -> Answer
  ) async {
    await self.serve(concurrency: concurrency) { message in
      let answer = try await handler(try await message.payload(as: type))
      if message.isRequest { try await message.reply(answer) }
    }
  }

  private func handle(
    _ message: ConduitMessage, with handler: (ConduitMessage) async throws -> Void
  ) async {
    do {
      try await handler(message)
    } catch {
      let reason = (error as? GodwitError)?.message ?? "\(error)"
      if message.isRequest {
        try? await message.reply(failure: reason)
      }
      self.exchange.logger.error(
        "a handler failed", metadata: ["event": "\(self.event)", "error": "\(error)"])
    }
  }
}
