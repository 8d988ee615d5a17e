/// Where a session can be when something happens.
enum TableState: String, CaseIterable {
  /// Credentials are required, and CONNECT has not come.
  case awaitingConnect
  /// No credentials are required, and CONNECT has not come.
  case anonymous
  /// CONNECT has come, the authenticator has not answered, and more has come meanwhile.
  case authenticating
  /// CONNECT without a wish.
  case serving
  /// The same, with +OK for everything.
  case verbose
  /// The same, with complaints about subjects.
  case pedantic
  /// As many PINGs are unanswered as may be.
  case pinged
  /// The server has announced that it will stop.
  case lameDuck
  /// The server has said a fatal error; the socket still stands.
  case closing
  /// The socket is gone.
  case closed
}

/// What can happen to a session.
enum TableEvent: String, CaseIterable {
  // What a client says.
  case connect, connectWrong, connectUnreadable, connectVersion, connectAccount
  case ping, pong, ok, error, info, infoUnreadable
  case publish, request, userInfo, publishWithHeaders, publishOversize, publishHalf
  case publishWildcard, publishEmptyToken, publishReserved, publishReservedReply, publishTwoSizes
  case subscribe, subscribeTaken, subscribeInGroup, subscribeInvalid, subscribeReserved
  case subscribeTooMany, subscribeShort
  case unsubscribe, unsubscribeLater, unsubscribeUnknown
  case unknownVerb, verbOfServers, emptyLine, longLine, handshake
  // What others say.
  case delivery, authenticated, refused
  // What time brings.
  case authenticationTime, pingTime
  // What the socket brings.
  case inputClosed, reset, readError, overflow, writeDeadline
  // What the server brings.
  case kicked, drain, reload, reloadWithoutUser

  /// The client's words; `nil` for anything else.
  var words: String? {
    switch self {
    case .connect: #"CONNECT {"user":"u","pass":"pw"}"# + "\r\n"
    case .connectWrong: #"CONNECT {"user":"u","pass":"no"}"# + "\r\n"
    case .connectUnreadable: "CONNECT {\r\n"
    case .connectVersion: #"CONNECT {"user":"u","pass":"pw","protocol":7}"# + "\r\n"
    case .connectAccount: #"CONNECT {"user":"u","pass":"pw","account":"x"}"# + "\r\n"
    case .ping: "PING\r\n"
    case .pong: "PONG\r\n"
    case .ok: "+OK\r\n"
    case .error: "-ERR 'Parser Error'\r\n"
    case .info: "INFO {}\r\n"
    case .infoUnreadable: "INFO {\r\n"
    case .publish: "PUB a 2\r\nhi\r\n"
    case .request: "PUB nobody me.1 0\r\n\r\n"
    case .userInfo: "PUB $SYS.REQ.USER.INFO nowhere 0\r\n\r\n"
    case .publishWithHeaders: "HPUB a 12 13\r\nNATS/1.0\r\n\r\n!\r\n"
    case .publishOversize: "PUB a 2000\r\n"
    case .publishHalf: "PUB a 5\r\nhe"
    case .publishWildcard: "PUB w.* 0\r\n\r\n"
    case .publishEmptyToken: "PUB w..x 0\r\n\r\n"
    case .publishReserved: "PUB $NRG.x 0\r\n\r\n"
    case .publishReservedReply: "PUB w _R_.x 0\r\n\r\n"
    case .publishTwoSizes: "PUB w 0\r\nx\r\n"
    case .subscribe: "SUB s 7\r\n"
    case .subscribeTaken: "SUB s 1\r\n"
    case .subscribeInGroup: "SUB s g 7\r\n"
    case .subscribeInvalid: "SUB s..x 7\r\n"
    case .subscribeReserved: "SUB s _sys_ 7\r\n"
    case .subscribeTooMany: "SUB s 7\r\nSUB t 8\r\n"
    case .subscribeShort: "SUB s\r\n"
    case .unsubscribe: "UNSUB 1\r\n"
    case .unsubscribeLater: "UNSUB 1 9\r\n"
    case .unsubscribeUnknown: "UNSUB 99\r\n"
    case .unknownVerb: "NOPE\r\n"
    case .verbOfServers: "MSG a 1 0\r\n\r\n"
    case .emptyLine: "\r\n"
    case .longLine: "SUB " + String(repeating: "x", count: 5000)
    case .handshake: "\u{16}\u{3}\u{1}"
    case .delivery, .authenticated, .refused, .authenticationTime, .pingTime, .inputClosed, .reset,
      .readError, .overflow, .writeDeadline, .kicked, .drain, .reload, .reloadWithoutUser:
      nil
    }
  }
}

/// What a session has to make of an event.
enum TableAnswer: Hashable {
  /// It says this, which may be nothing, and goes on.
  case says(String)
  /// It says a line that begins with this, and goes on.
  case saysLine(String)
  /// It says this, which may be nothing, and ends.
  case ends(String)
  /// It does nothing until the authenticator has answered, and then what a session in `serving`
  /// does.
  case later
  /// It is over: nothing is said or done.
  case nothing
}

/// The declared answers: first by state, then by class of event. `nil` is a hole in the table.
enum SessionTable {
  static func answer(_ state: TableState, _ event: TableEvent) -> TableAnswer? {
    switch state {
    case .closing, .closed: .nothing
    case .awaitingConnect: self.socket(event) ?? self.beforeConnect(event)
    case .authenticating: self.whileAuthenticating(event)
    case .anonymous, .serving, .verbose, .pedantic, .pinged, .lameDuck:
      self.socket(event) ?? self.server(state, event) ?? self.connect(state, event)
        ?? self.fatal(event) ?? self.work(state, event)
    }
  }

  private static func error(_ text: String) -> String { "-ERR '\(text)'\r\n" }
  private static var violation: String { self.error("Authorization Violation") }

  /// The socket fails, or somebody ends it: no last words.
  private static func socket(_ event: TableEvent) -> TableAnswer? {
    switch event {
    case .inputClosed, .reset, .readError, .overflow, .writeDeadline, .kicked: .ends("")
    default: nil
    }
  }

  private static func beforeConnect(_ event: TableEvent) -> TableAnswer? {
    switch event {
    case .connect: .says("+OK\r\n")
    case .connectWrong, .connectAccount: .ends(self.violation)
    case .connectUnreadable: .ends("")
    case .connectVersion: .ends(self.error("invalid client protocol"))
    case .authenticationTime, .pingTime: .ends(self.error("Authentication Timeout"))
    case .delivery, .authenticated, .refused, .drain, .reload, .reloadWithoutUser: .says("")
    default: event.words == nil ? nil : .ends(self.violation)
    }
  }

  private static func whileAuthenticating(_ event: TableEvent) -> TableAnswer? {
    switch event {
    case .authenticated, .delivery, .authenticationTime, .drain, .reload, .reloadWithoutUser:
      .says("")
    case .refused: .ends(self.violation)
    case .pingTime: .says("PING\r\n")
    // Reading is paused, so that the end of the input waits as well.
    case .inputClosed: .later
    default: event.words == nil ? self.socket(event) : .later
    }
  }

  private static func server(_ state: TableState, _ event: TableEvent) -> TableAnswer? {
    switch event {
    case .authenticated, .refused, .authenticationTime, .reload: .says("")
    case .delivery: .says("MSG a 1 1\r\nx\r\n")
    case .pingTime: state == .pinged ? .ends(self.error("Stale Connection")) : .says("PING\r\n")
    case .drain: state == .anonymous || state == .lameDuck ? .says("") : .saysLine("INFO {")
    case .reloadWithoutUser: state == .anonymous ? .says("") : .ends(self.violation)
    default: nil
    }
  }

  private static func connect(_ state: TableState, _ event: TableEvent) -> TableAnswer? {
    switch event {
    case .connect: .says(self.acknowledged(state))
    // Where nobody must say who it is, a password is not looked at.
    case .connectWrong: state == .anonymous ? .says("+OK\r\n") : .ends(self.violation)
    case .connectUnreadable: .ends("")
    case .connectVersion: .ends(self.error("invalid client protocol"))
    case .connectAccount: .ends(self.violation)
    default: nil
    }
  }

  /// What ends a session wherever it is served.
  private static func fatal(_ event: TableEvent) -> TableAnswer? {
    switch event {
    case .error, .infoUnreadable, .subscribeShort: .ends("")
    case .publishOversize: .ends(self.error("Maximum Payload Violation"))
    case .longLine: .ends(self.error("maximum control line exceeded"))
    case .unknownVerb, .verbOfServers, .emptyLine, .handshake, .publishTwoSizes:
      .ends(self.error("Unknown Protocol Operation"))
    default: nil
    }
  }

  private static func acknowledged(_ state: TableState) -> String {
    state == .verbose || state == .anonymous ? "+OK\r\n" : ""
  }

  private static func work(_ state: TableState, _ event: TableEvent) -> TableAnswer? {
    let done = self.acknowledged(state)
    let complaint =
      state == .pedantic || state == .anonymous ? self.error("Invalid Publish Subject") : ""
    switch event {
    case .ping: return .says("PONG\r\n")
    case .pong, .ok, .info, .publishHalf: return .says("")
    case .publish: return .says(done + "MSG a 1 2\r\nhi\r\n")
    case .request where state == .anonymous: return .says(done)
    case .request:
      return .says(done + "HMSG me.1 3 38 38\r\nNATS/1.0 503\r\nNats-Subject: nobody\r\n\r\n\r\n")
    // Only a CONNECT announces headers.
    case .publishWithHeaders where state == .anonymous: return .ends("")
    case .publishWithHeaders:
      return .says(done + "HMSG a 1 12 13\r\nNATS/1.0\r\n\r\n!\r\n")
    case .publishWildcard, .publishEmptyToken: return .says(complaint + done)
    case .userInfo, .subscribe, .subscribeTaken, .subscribeInGroup, .unsubscribe,
      .unsubscribeLater, .unsubscribeUnknown:
      return .says(done)
    case .publishReserved:
      return .says(self.error(#"Permissions Violation for Publish to "$NRG.x""#))
    case .publishReservedReply:
      return .says(self.error(#"Permissions Violation for Publish with Reply of "_R_.x""#))
    case .subscribeInvalid: return .says(self.error("Invalid Subject"))
    case .subscribeReserved:
      return .says(
        self.error(#"Permissions Violation for Subscription to "s" using queue "_sys_""#))
    case .subscribeTooMany: return .says(done + self.error("maximum subscriptions exceeded"))
    default: return nil
    }
  }
}
