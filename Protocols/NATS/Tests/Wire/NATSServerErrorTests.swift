import NATSWire
import Testing

@Suite struct NATSServerErrorTests {
  static let open: [(NATSServerError, String)] = [
    (.maximumSubscriptionsExceeded, "maximum subscriptions exceeded"),
    (.invalidSubject, "Invalid Subject"),
    (.invalidPublishSubject, "Invalid Publish Subject"),
    (.publishNotPermitted(subject: "\"a\""), "Permissions Violation for Publish to \"a\""),
    (
      .replyNotPermitted(subject: "\"a\""),
      "Permissions Violation for Publish with Reply of \"a\""
    ),
    (
      .subscriptionNotPermitted(subject: "\"a\"", queue: nil),
      "Permissions Violation for Subscription to \"a\""
    ),
    (
      .subscriptionNotPermitted(subject: "\"a\"", queue: "\"q\""),
      "Permissions Violation for Subscription to \"a\" using queue \"q\""
    ),
    (
      .subscriptionHasTooManyTokens(subject: "\"a.b\""),
      "Permissions Violation for Subscription to \"a.b\", too many tokens"
    ),
    (.other("something new"), "something new"),
  ]
  static let closing: [(NATSServerError, String)] = [
    (.unknownProtocolOperation, "Unknown Protocol Operation"),
    (.maximumControlLineExceeded, "maximum control line exceeded"),
    (.maximumPayloadViolation, "Maximum Payload Violation"),
    (.authorizationViolation, "Authorization Violation"),
    (.authenticationTimeout, "Authentication Timeout"),
    (.userAuthenticationExpired, "User Authentication Expired"),
    (.accountAuthenticationExpired, "Account Authentication Expired"),
    (.staleConnection, "Stale Connection"),
    (.slowConsumer, "Slow Consumer"),
    (.invalidClientProtocol, "invalid client protocol"),
    (.noRespondersRequiresHeaders, "no responders requires headers support"),
    (.maximumConnectionsExceeded, "maximum connections exceeded"),
    (.maximumAccountConnectionsExceeded, "maximum account active connections exceeded"),
    (.secureConnectionRequired, "Secure Connection - TLS Required"),
    (.connectionThrottled, "Connection throttling is active. Please try again later."),
  ]

  @Test func textsAreTheReferenceServersAndReadBack() {
    for (error, text) in Self.open + Self.closing {
      #expect(error.text == text)
      for argument in [text, "'\(text)'"] {
        let read = Array(argument.utf8).withUnsafeBytes { NATSServerError(argument: $0) }
        #expect(read == error)
      }
    }
    #expect(Self.open.allSatisfy { !$0.0.closesConnection })
    #expect(Self.closing.allSatisfy { $0.0.closesConnection })
  }

  @Test(arguments: [
    ([0x61], "\"a\""), ([0x61, 0x22, 0x5C], #""a\"\\""#), ([0x0A, 0x0D, 0x01], #""\n\r\x01""#),
    ([0xC3, 0xA9, 0xFF], #""é\xff""#), ([0x7F], #""\x7f""#), ([0xE2, 0x80, 0xA8], #""\u2028""#),
    ([0xFF, 0x61, 0xC3], #""\xffa\xc3""#), ([], "\"\""),
  ])
  func quoting(_ bytes: [UInt8], _ expected: String) {
    #expect(bytes.withUnsafeBytes { natsQuoted($0) } == expected)
  }

  @Test func onlyThreeParserErrorsAreSpoken() {
    let spoken: [NATSWireError.Code: NATSServerError] = [
      .unknownOperation: .unknownProtocolOperation,
      .controlLineTooLong: .maximumControlLineExceeded,
      .payloadTooLarge: .maximumPayloadViolation,
    ]
    let codes: [NATSWireError.Code] = [
      .unknownOperation, .controlLineTooLong, .payloadTooLarge, .malformedArguments,
      .headersNotSupported, .malformedJSON, .malformedHeaders,
    ]
    for code in codes { #expect(NATSWireError(code, "").reply == spoken[code]) }
  }
}
