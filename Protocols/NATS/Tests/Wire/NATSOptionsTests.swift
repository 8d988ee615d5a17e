import NATSWire
import NIOCore
import Testing

@Suite struct NATSOptionsTests {
  private func merged(
    _ json: String, into options: NATSConnectOptions = .serverDefaults
  ) throws -> NATSConnectOptions {
    var options = options
    try Array(json.utf8).withUnsafeBytes { try options.merge(parsing: $0) }
    return options
  }

  @Test func whatConnectLeavesOutKeepsTheServersDefaults() throws {
    let options = try self.merged("{}")
    #expect(options == .serverDefaults)
    #expect(options.verbose && options.pedantic && options.echo)
    #expect(!options.headers && !options.noResponders && options.protocolVersion == 0)
  }

  @Test func namesMatchInAnyCaseUnknownOnesAndNullArePassedOver() throws {
    let options = try self.merged(
      #"{"Verbose":false,"PEDANTIC":null,"x":[1,{}],"lang":"swift","protocol":1,"user":"a"}"#)
    #expect(!options.verbose)
    #expect(options.pedantic)
    #expect(options.language == "swift")
    #expect(options.protocolVersion == 1)
    #expect(options.user == "a")
  }

  @Test func aSecondConnectChangesOnlyWhatItNames() throws {
    let first = try self.merged(#"{"verbose":false,"name":"n","headers":true}"#)
    let second = try self.merged(#"{"echo":false}"#, into: first)
    #expect(!second.verbose && second.name == "n" && second.headers && !second.echo)
  }

  @Test(arguments: [
    "", "{", "[]", "1", #"{"verbose":"x"}"#, #"{"protocol":1.0}"#, #"{"user":1}"#, #"{"name":[]}"#,
  ])
  func refuses(_ json: String) {
    #expect { try self.merged(json) } throws: {
      ($0 as? NATSWireError)?.code == .malformedJSON
    }
  }

  @Test func optionsRoundTrip() throws {
    var options = NATSConnectOptions()
    options.verbose = true
    options.pedantic = true
    options.tlsRequired = true
    options.authToken = "t"
    options.user = "u\"\u{1F600}"
    options.password = "p"
    options.name = "n"
    options.language = "swift"
    options.version = "1"
    options.protocolVersion = 1
    options.echo = false
    options.nkey = "U"
    options.signature = "s"
    options.jwt = "j"
    options.headers = true
    options.noResponders = true
    options.account = "a"
    options.newAccount = true
    var copy = NATSConnectOptions.serverDefaults
    try options.encoded.withUnsafeBytes { try copy.merge(parsing: $0) }
    #expect(copy == options)
  }

  @Test func infoRoundTripsAndKeepsTheReferenceServersOrder() throws {
    var info = NATSServerInfo()
    info.serverID = "NID"
    info.serverName = "name"
    info.version = "2.10.29"
    info.go = "swift"
    info.host = "127.0.0.1"
    info.port = 4222
    info.clientID = 7
    info.clientIP = "::1"
    let text = String(decoding: info.encoded, as: UTF8.self)
    #expect(
      text == #"{"server_id":"NID","server_name":"name","version":"2.10.29","proto":1,"#
        + #""go":"swift","host":"127.0.0.1","port":4222,"headers":true,"max_payload":1048576,"#
        + #""client_id":7,"client_ip":"::1"}"#)
    info.gitCommit = "abc"
    info.authRequired = true
    info.tlsRequired = true
    info.tlsVerify = true
    info.tlsAvailable = true
    info.jetStream = true
    info.nonce = "x"
    info.cluster = "c"
    info.connectURLs = ["a:1"]
    info.webSocketConnectURLs = ["b:2"]
    info.lameDuckMode = true
    info.connectInfo = true
    info.remoteAccount = "$G"
    info.isSystemAccount = true
    let copy = try info.encoded.withUnsafeBytes { try NATSServerInfo(parsing: $0) }
    #expect(copy == info)
    var buffer = ByteBuffer()
    NATSEncoder.info(info, into: &buffer)
    #expect(String(buffer: buffer).hasPrefix("INFO {"))
    #expect(String(buffer: buffer).hasSuffix("} \r\n"))
  }
}
