import Godwit
import Testing

@testable import GodwitMQTT

/// The example of RFC 7677, section 3, and servers that lie.
@Suite struct SCRAMClientTests {
  private static let challenge =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
  private static let proof = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

  private var client: SCRAMClient {
    SCRAMClient(
      SCRAMCredentials(user: "user", password: "pencil"), nonce: "rOprNGfwEbeRWgbNEkqO")
  }

  @Test func theExchangeOfTheRFC() throws {
    var client = self.client
    #expect(client.first == "n,,n=user,r=rOprNGfwEbeRWgbNEkqO")
    let final = try client.answer(Array(Self.challenge.utf8))
    #expect(
      final == "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        + "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    #expect(client.isProof(Array(Self.proof.utf8)))
    for wrong in ["", "v=", "e=other", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G8="] {
      #expect(!client.isProof(Array(wrong.utf8)), "\(wrong)")
    }
  }

  @Test func nothingIsProvenBeforeAChallenge() {
    #expect(!self.client.isProof(Array(Self.proof.utf8)))
  }

  @Test(arguments: [
    "", "r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", "r=rOprNGfwEbeRWgbNEkqO,s=AA==,i=4096",
    "r=rOprNGfwEbeRWgbNEkqOx,s=AA==,i=4095", "r=rOprNGfwEbeRWgbNEkqOx,s=AA==,i=600001",
    "r=rOprNGfwEbeRWgbNEkqOx,s=,i=4096", "r=rOprNGfwEbeRWgbNEkqOx,s=AA==,i=-1",
    "r=rOprNGfwEbeRWgbNEkqOx,s=?,i=4096",
  ])
  func whatIsNoChallengeIsRefused(_ challenge: String) {
    var client = self.client
    let error = #expect(throws: GodwitError.self) { _ = try client.answer(Array(challenge.utf8)) }
    #expect(error?.code == .notPermitted)
  }
}
