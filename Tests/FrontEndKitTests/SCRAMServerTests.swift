import GodwitEngine
import GodwitFrontEndKit
import Testing

@Suite struct SCRAMServerTests {
  /// The example of RFC 7677, section 3.
  static let stored = SCRAMCredential(
    salt: hex("5b6d99689d12358eeca04b141236fa81"), iterations: 4096,
    storedKey: hex("586e5df283e6dceb5c3e791d8b8528ec191e664045ce971792e2e6b5bb13e2a6"),
    serverKey: hex("c1f3cbc1c13a9d35a14c0990eed97629ea225863e566a4314ab99f3f00e5d9d5"))

  static func hex(_ text: String) -> [UInt8] {
    let digits = Array(text)
    return stride(from: 0, to: digits.count, by: 2).compactMap {
      UInt8(String(digits[$0..<$0 + 2]), radix: 16)
    }
  }

  static func start(_ first: String) throws(SCRAMServer.Failure) -> SCRAMServer {
    try SCRAMServer(first: Array(first.utf8), nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0") { _ in
      stored
    }
  }

  @Test func challengesAsTheStandardShows() throws {
    let server = try Self.start("n,,n=user,r=rOprNGfwEbeRWgbNEkqO")
    #expect(server.userName == "user")
    #expect(
      String(decoding: server.challenge, as: UTF8.self)
        == "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
  }

  @Test func acceptsTheProofOfTheStandard() throws {
    let server = try Self.start("n,,n=user,r=rOprNGfwEbeRWgbNEkqO")
    let nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    let final = "c=biws,r=\(nonce),p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    let answer = try server.finish(Array(final.utf8))
    #expect(
      String(decoding: answer, as: UTF8.self) == "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
  }

  @Test(arguments: [
    "", "n", "n,,", "p=tls-unique,,n=u,r=x", "n,,n=u", "n,,r=x", "n,,n=u,r=", "n,,m=ext,n=u,r=x",
    "n,,n=a=zz,r=x", "n,a=other,n=u,r=x", "n,,n=,r=x",
  ])
  func refusesFirstMessages(_ first: String) {
    #expect(throws: SCRAMServer.Failure.malformed) { try Self.start(first) }
  }

  @Test func unescapesNames() throws {
    #expect(try Self.start("y,,n=a=2Cb=3Dc,r=x").userName == "a,b=c")
  }

  @Test(arguments: ["", "c=biws", "c=biws,r=wrong,p=AAAA", "c=eSws,r={r},p=AAAA", "c=biws,r={r}"])
  func refusesFinalMessages(_ final: String) throws {
    let server = try Self.start("n,,n=user,r=x")
    let message = final.replacing("{r}", with: "x%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0")
    #expect(throws: SCRAMServer.Failure.malformed) { try server.finish(Array(message.utf8)) }
  }

  @Test func refusesAWrongProof() throws {
    let server = try Self.start("n,,n=user,r=x")
    let proof = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    let message = "c=biws,r=x%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=\(proof)"
    #expect(throws: SCRAMServer.Failure.wrongProof) { try server.finish(Array(message.utf8)) }
  }

  /// The exchange of RFC 7677 with SHA-512, computed by Python's hashlib.
  @Test func theHashFunctionIsThatOfTheCredential() throws {
    let credential = SCRAMCredential(
      hash: .sha512, salt: Self.stored.salt, iterations: 4096,
      saltedPassword: Self.hex(
        "f16efe1be67f1d09502ebd5ed9262fddffba5a377ab4f0b687e5ed5ba0f50686"
          + "b8a4ae166476da8ab3b951d2fa9238b63998f45461bc33a464814949cec9631d"))
    #expect(credential.storedKey.count == 64)
    let server = try SCRAMServer(
      first: Array("n,,n=user,r=rOprNGfwEbeRWgbNEkqO".utf8),
      nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    ) { _ in credential }
    let nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    let proof =
      "gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw"
      + "+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ=="
    let answer = try server.finish(Array("c=biws,r=\(nonce),p=\(proof)".utf8))
    #expect(
      String(decoding: answer, as: UTF8.self)
        == "v=ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0v"
        + "SVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw==")
    // A proof of the other length is none.
    let short = "c=biws,r=\(nonce),p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    #expect(throws: SCRAMServer.Failure.malformed) { try server.finish(Array(short.utf8)) }
  }
}
