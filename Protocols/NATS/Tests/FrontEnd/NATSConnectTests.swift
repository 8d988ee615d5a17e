import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import GodwitWire
import NATSWire
import Testing

@testable import NATSFrontEnd

@Suite struct NATSConnectTests {
  @Test func infoComesFirst() throws {
    let rig = try NATSRig(settings: ["max_payload": .integer(1000)])
    let client = try rig.client(nil)
    let text = client.info
    #expect(text.hasPrefix("INFO {") && text.hasSuffix("} \r\n"))
    let json = try JSONValue(parsing: String(text.dropFirst(5)))
    #expect(json["server_id"]?.string?.first == "N")
    #expect(json["server_id"]?.string?.count == 56)
    #expect(json["server_name"]?.string == "rig")
    #expect(json["go"]?.string == "godwit 1.2.3")
    #expect(json["proto"]?.integer == 1)
    #expect(json["headers"]?.bool == true)
    #expect(json["max_payload"]?.integer == 1000)
    #expect(json["client_id"]?.integer == 1)
    #expect(json["client_ip"]?.string == "127.0.0.1")
    #expect(json["port"]?.integer == 4222)
    #expect(json["auth_required"] == nil)
    #expect(json["nonce"] == nil)
  }

  @Test func withoutConnectAClientMayWorkAndIsVerboseAndPedantic() throws {
    let client = try NATSRig().client(nil)
    #expect(client.exchange("SUB a 1\r\nPUB a 1\r\nx\r\n") == "+OK\r\n+OK\r\nMSG a 1 1\r\nx\r\n")
    #expect(
      client.exchange("PUB a.* 0\r\n\r\n") == "-ERR 'Invalid Publish Subject'\r\n+OK\r\n")
  }

  @Test func connectIsAcknowledgedWhenVerbose() throws {
    let rig = try NATSRig()
    #expect(try rig.client("{}").received() == "+OK\r\n")
    #expect(try rig.client(#"{"verbose":false}"#).received() == "")
  }

  @Test(arguments: [
    (#"{"no_responders":true}"#, "-ERR 'no responders requires headers support'\r\n"),
    (#"{"protocol":2}"#, "-ERR 'invalid client protocol'\r\n"),
    (#"{"account":"x"}"#, "-ERR 'Authorization Violation'\r\n"),
    (#"{"new_account":true}"#, "-ERR 'Authorization Violation'\r\n"),
    ("{", ""), (#"{"verbose":1}"#, ""),
  ])
  func connectIsRefused(_ json: String, _ said: String) throws {
    let client = try NATSRig().client(json)
    #expect(client.received() == said)
    #expect(client.isEnded)
  }

  @Test func theFirstPingAfterConnectIsAlsoAnsweredWithInfo() throws {
    let client = try NATSRig().client(#"{"verbose":false,"protocol":1}"#)
    let first = client.exchange("PING\r\n")
    #expect(first.hasPrefix("PONG\r\nINFO {"))
    #expect(first.contains(#""connect_info":true,"remote_account":"$G""#))
    #expect(client.exchange("PING\r\n") == "PONG\r\n")
    let old = try NATSRig().client(#"{"verbose":false,"protocol":0}"#)
    #expect(old.exchange("PING\r\n") == "PONG\r\n")
  }

  @Test func aLaterConnectDropsSubscriptions() throws {
    let client = try NATSRig().client()
    client.send("SUB a 1\r\n")
    #expect(client.exchange("PUB a 0\r\n\r\n") == "MSG a 1 0\r\n\r\n")
    client.send("CONNECT {}\r\n")
    #expect(client.exchange("PUB a 0\r\n\r\n") == "")
  }

  // Credentials.

  @Test func nothingIsServedBeforeConnect() throws {
    for line in ["PING\r\n", "SUB a 1\r\n", "x"] {
      let client = try NATSRig { $0.add("u") }.client(nil)
      #expect(client.exchange(line) == "-ERR 'Authorization Violation'\r\n")
      #expect(client.isEnded)
    }
  }

  @Test func passwordTokenAndNothing() throws {
    let rig = try NATSRig {
      $0.add("u")
      $0.token = "t"
    }
    #expect(rig.frontEnd.authenticator.requiresCredentials)
    #expect(try rig.client(nil).info.contains(#""auth_required":true"#))
    for json in [#"{"user":"u","pass":"pw"}"#, #"{"auth_token":"t"}"#] {
      let client = try rig.client(json)
      #expect(client.received() == "+OK\r\n")
      #expect(!client.isEnded)
    }
    for json in ["{}", #"{"user":"u","pass":"no"}"#, #"{"auth_token":"x"}"#] {
      let client = try rig.client(json)
      #expect(client.received() == "-ERR 'Authorization Violation'\r\n")
      #expect(client.isEnded)
    }
    #expect(rig.frontEnd.statistics.authenticationFailures == 3)
  }

  @Test func nkeyCredentialsAreDecoded() throws {
    let rig = try NATSRig { $0.offersNonce = true }
    let client = try rig.client(nil)
    let nonce = try #require(
      try JSONValue(parsing: String(client.info.dropFirst(5)))["nonce"]?.string)
    #expect(nonce.count == 15)
    let signature = (0..<64).map { UInt8($0) }
    let key = NATSNkeyTests.user
    for text in [Base64.encodeURL(signature), Base64.encode(signature)] {
      let client = try rig.client(nil)
      let offered = try #require(client.session?.nonce)
      #expect(
        client.exchange(#"CONNECT {"nkey":"\#(key)","sig":"\#(text)"}"# + "\r\n") == "+OK\r\n")
      #expect(
        rig.authenticator.seen.last
          == .nkey(
            publicKey: try #require(NATSNkey(key)).publicKey, signature: signature,
            nonce: Array(offered.utf8)))
    }
    for json in [
      #"{"nkey":"\#(key)"}"#, #"{"nkey":"\#(key)","sig":"AAAA"}"#, #"{"nkey":"UA","sig":"x"}"#,
    ] {
      #expect(try rig.client(json).received() == "-ERR 'Authorization Violation'\r\n")
    }
  }

  @Test func whileCredentialsAreCheckedNothingIsDone() throws {
    let rig = try NATSRig {
      $0.add("u")
      $0.isSlow = true
    }
    let client = try rig.client(nil)
    let connect = #"CONNECT {"verbose":false,"user":"u","pass":"pw"}"# + "\r\n"
    #expect(client.exchange(connect + "SUB a 1\r\nPUB a 2\r\nhi\r\nPI") == "")
    #expect(client.session?.stage == .authenticating)
    for answer in rig.authenticator.waiting { answer() }
    #expect(client.received() == "MSG a 1 2\r\nhi\r\n")
    #expect(client.exchange("NG\r\n") == "PONG\r\n")
  }

  @Test func aClientThatLeavesWhileItIsCheckedHarmsNobody() throws {
    let rig = try NATSRig {
      $0.add("u")
      $0.isSlow = true
    }
    let client = try rig.client(#"{"user":"u","pass":"pw"}"#)
    client.disconnect()
    for answer in rig.authenticator.waiting { answer() }
    #expect(rig.frontEnd.sessions.isEmpty)
  }

  @Test func silenceEndsInATimeout() throws {
    let rig = try NATSRig(settings: ["auth_timeout_seconds": .double(1)]) { $0.add("u") }
    let silent = try rig.client(nil)
    let half = try rig.client(nil)
    half.send(#"CONNECT {"user""#)
    let inside = try rig.client(#"{"verbose":false,"user":"u","pass":"pw"}"#)
    rig.pass(seconds: 1.1)
    #expect(silent.received() == "-ERR 'Authentication Timeout'\r\n")
    #expect(half.received() == "-ERR 'Authentication Timeout'\r\n")
    #expect(silent.isEnded && half.isEnded && !inside.isEnded)
  }

  @Test func oneTooManyIsTold() throws {
    let rig = try NATSRig(settings: ["max_connections": .integer(1)])
    let first = try rig.client()
    let second = try rig.client(nil)
    #expect(second.info.hasSuffix("-ERR 'maximum connections exceeded'\r\n"))
    #expect(second.isEnded && !first.isEnded)
    #expect(rig.frontEnd.statistics.refused == 1)
  }

  // Reload.

  @Test func aReloadCutsThoseWhoAreNoLongerLetIn() throws {
    let rig = try NATSRig {
      $0.add("stays")
      $0.add("goes")
    }
    let stays = try rig.client(#"{"verbose":false,"user":"stays","pass":"pw"}"#)
    let goes = try rig.client(#"{"verbose":false,"user":"goes","pass":"pw"}"#)
    rig.authenticator.users["goes"] = nil
    try rig.frontEnd.reload(values: SettingsValues(defaultsOf: NATSServer.settings))
    #expect(goes.received() == "-ERR 'Authorization Violation'\r\n")
    #expect(stays.exchange("PING\r\n") == "PONG\r\n")
  }

  @Test func aReloadTakesOverPermissionsAndKeepsWhatIsStillAllowed() throws {
    let rig = try NATSRig { $0.add("u", revision: "1") }
    let client = try rig.client(#"{"verbose":false,"user":"u","pass":"pw"}"#)
    client.send("SUB keep 1\r\nSUB lose 2\r\n")
    let permissions = Permissions(
      publish: .init(deny: [.init(canonical: Array("secret".utf8))]),
      subscribe: .init(allow: [.init(canonical: Array("keep".utf8))]))
    rig.authenticator.add("u", permissions: permissions, revision: "2")
    try rig.frontEnd.reload(values: SettingsValues(defaultsOf: NATSServer.settings))
    #expect(client.received() == "-ERR 'Permissions Violation for Subscription to \"lose\"'\r\n")
    #expect(
      client.exchange("PUB keep 0\r\n\r\nPUB lose 0\r\n\r\nPUB secret 0\r\n\r\n")
        == "MSG keep 1 0\r\n\r\n-ERR 'Permissions Violation for Publish to \"secret\"'\r\n")
  }
}
