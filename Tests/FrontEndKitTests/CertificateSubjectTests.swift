import GodwitWire
import Testing

@testable import GodwitFrontEndKit

@Suite struct CertificateSubjectTests {
  /// `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes`
  /// `-subj "/C=CH/O=Example Ltd/OU=Devices/CN=device-7/serialNumber=42"`, in DER.
  private static let certificate = [
    "MIICAjCCAaegAwIBAgIUfKemjq2zIAvcbfTpDF9qxyqCHYswCgYIKoZIzj0EAwIwVTELMAkGA1UEBhMCQ0gxFDASBgNV",
    "BAoMC0V4YW1wbGUgTHRkMRAwDgYDVQQLDAdEZXZpY2VzMREwDwYDVQQDDAhkZXZpY2UtNzELMAkGA1UEBRMCNDIwIBcN",
    "MjYxMTIxMDM0NDE1WhgPMjEyNjEwMjgwMzQ0MTVaMFUxCzAJBgNVBAYTAkNIMRQwEgYDVQQKDAtFeGFtcGxlIEx0ZDEQ",
    "MA4GA1UECwwHRGV2aWNlczERMA8GA1UEAwwIZGV2aWNlLTcxCzAJBgNVBAUTAjQyMFkwEwYHKoZIzj0CAQYIKoZIzj0D",
    "AQcDQgAEj50zvrUTJw3+MwhxtrjlWwbxccLL88PC1uqH2msjPd/5iaOL4YPNKaM0FtIO9hjPghGDPU8tcBWfsSAvxc3T",
    "aqNTMFEwHQYDVR0OBBYEFMigouxpP28rb8CGiEBY5OutYyZZMB8GA1UdIwQYMBaAFMigouxpP28rb8CGiEBY5OutYyZZ",
    "MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhAMfNBWuekkOaCxS1M99uH+tYpEzgeOAt7xpdnrYFHl4i",
    "AiEAymL8voyMrSgdCB57da2FYv28ka2Pf5bwhzJlIfbp4j8=",
  ].joined()

  private static func der() throws -> [UInt8] {
    try #require(Base64.decode(Self.certificate.utf8))
  }

  @Test func readsTheSubject() throws {
    let subject = try #require(CertificateSubject(der: try Self.der()))
    #expect(subject.text == "C=CH,O=Example Ltd,OU=Devices,CN=device-7,serialNumber=42")
    #expect(subject.commonName == "device-7")
  }

  @Test func aCertificateThatEndsEarlyHasNone() throws {
    let der = try Self.der()
    for count in 0..<der.count {
      #expect(CertificateSubject(der: Array(der[..<count])) == nil, "\(count) bytes")
    }
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func mutatedBytesNeverTrap(seed: UInt64) throws {
    var random = Random(seed: seed)
    let der = try Self.der()
    for _ in 0..<2_000 {
      var mutated = der
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        mutated[Int.random(in: 0..<mutated.count, using: &random)] = UInt8.random(
          in: 0...255, using: &random)
      }
      if let subject = CertificateSubject(der: mutated) {
        #expect(subject.text.utf8.count < 4 * der.count)
      }
    }
  }

  @Test(
    arguments: [
      [], [0x30], [0x30, 0x80], [0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF],
      [0x30, 0x88, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [0x30, 0x00],
      [UInt8](repeating: 0x30, count: 1_000),
    ] as [[UInt8]])
  func lengthsThatLie(der: [UInt8]) {
    #expect(CertificateSubject(der: der) == nil)
  }
}
