public import Godwit

extension Conformance {
  /// What a driver's tests lend the suite beyond clients. Scenarios that need what is not there do
  /// not apply.
  public struct Environment: Sendable {
    /// A server, and a client that reaches it at another address: the suite puts a relay between.
    public struct Reach: Sendable {
      let server: @Sendable () async throws -> (host: String, port: Int)
      let makeBroker: @Sendable (_ host: String, _ port: Int) async throws -> Broker

      /// - Parameters:
      ///   - server: where the server listens; called when a scenario needs it.
      ///   - makeBroker: makes a client that connects to that address, which it does not start.
      public init(
        server: @escaping @Sendable () async throws -> (host: String, port: Int),
        makeBroker: @escaping @Sendable (_ host: String, _ port: Int) async throws -> Broker
      ) {
        self.server = server
        self.makeBroker = makeBroker
      }

      /// A relay before the server.
      func relay() async throws -> Relay {
        let (host, port) = try await self.server()
        return try await Relay(host: host, port: port)
      }
    }

    /// Clients that notice within two seconds that nothing comes from the server any more, and
    /// connect again at once. Each has its own name, where names mean something to the server.
    public var plain: Reach?
    /// Clients that speak TLS with the server, and trust its certificate.
    public var secure: Reach?
    /// Clients that speak TLS with the server, and have no reason to trust its certificate.
    public var distrustful: Reach?
    /// Clients that keep few messages for a subscription beyond its prefetch, and lose what is
    /// beyond; and how many they keep. For brokers that give at most once.
    public var forgetful: (messagesMax: Int, makeBroker: @Sendable () async throws -> Broker)?

    /// An environment with nothing.
    public init() {}
  }
}
