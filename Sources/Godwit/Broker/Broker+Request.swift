extension Broker {
  /// Sends a request and waits for its answer.
  ///
  /// - Parameters:
  ///   - answer: the type of the answer's body, read by the answer's content type.
  ///   - timeout: how long sending and waiting may take together. Default 10 s.
  /// - Throws: `timeout`; `noResponders` where the broker tells that nobody answers;
  ///   `remoteFailure` with the answerer's words when it failed; what publishing throws.
  public func request<Payload: Sendable, Answer: Sendable>(
    _ payload: Payload, to topic: Topic<Payload>, expecting answer: Answer.Type = Answer.self,
    headers: Headers = [:], timeout: Duration = .seconds(10)
  ) async throws(GodwitError) -> Answer {
    let message = try self.message(payload, to: topic, headers: headers, timeToLive: timeout)
    let response = try await self.request(message, timeout: timeout)
    return try self.payload(answer, of: response, unlessSaid: MediaType.usual(for: answer))
  }

  /// Sends a message as a request and waits for the message that answers it.
  ///
  /// The message's `replyTo` and `correlationID` are set here.
  public func request(
    _ message: Message, timeout: Duration = .seconds(10)
  ) async throws(GodwitError) -> Message {
    try await self.replies.open(on: self.driver)
    return try await self.calling(.request, [message]) { call in
      guard let request = call.messages.first else {
        throw GodwitError(.invalidArgument, "middleware left no message to request with")
      }
      try self.check(request)
      let answer = try await self.replies.answer(to: request, on: self.driver, within: timeout)
      if let failure = answer.headers[Answering.failureHeader] {
        throw GodwitError(.remoteFailure, failure)
      }
      return answer
    }
  }
}

/// How answers say that they are failures.
enum Answering {
  /// The header of an answer that reports a failure, with its sentence.
  static let failureHeader = "Godwit-Error"
}
