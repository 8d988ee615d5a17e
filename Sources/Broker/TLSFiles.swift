import GodwitFrontEndKit
import NIOSSL

/// The files of the `tls` section, read.
struct TLSFiles {
  /// What listeners offer; `nil` when there is no certificate.
  let context: NIOSSLContext?
  /// Whether clients must show a certificate.
  let verifiesClients: Bool

  /// Reads what `file` names.
  ///
  /// - Throws: `BrokerError` when a file is missing or is not what it should be.
  init(_ file: SettingsFile) throws(BrokerError) {
    let tls = file["tls"]
    self.verifiesClients = tls.bool("verify_clients")
    let certificate = file.path(tls.text("certificate"))
    let key = file.path(tls.text("key"))
    let authority = file.path(tls.text("client_ca"))
    guard !certificate.isEmpty || !key.isEmpty else {
      guard authority.isEmpty, !self.verifiesClients else {
        throw BrokerError("tls.certificate and tls.key must be said when clients are verified")
      }
      self.context = nil
      return
    }
    guard !certificate.isEmpty, !key.isEmpty else {
      throw BrokerError("tls.certificate and tls.key must both be said")
    }
    guard !self.verifiesClients || !authority.isEmpty else {
      throw BrokerError("tls.client_ca must be said when tls.verify_clients is true")
    }
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: try Self.certificates(certificate, "tls.certificate")
        .map { .certificate($0) },
      privateKey: .privateKey(try Self.key(key)))
    configuration.minimumTLSVersion = tls.text("min_version") == "1.3" ? .tlsv13 : .tlsv12
    if !authority.isEmpty {
      configuration.trustRoots = .certificates(
        try Self.certificates(authority, "tls.client_ca"))
      configuration.certificateVerification =
        self.verifiesClients ? .noHostnameVerification : .optionalVerification
    }
    do {
      self.context = try NIOSSLContext(configuration: configuration)
    } catch {
      throw BrokerError("tls.key: \(key) does not belong to the certificate \(certificate)")
    }
  }

  private static func certificates(
    _ path: String, _ setting: String
  ) throws(BrokerError) -> [NIOSSLCertificate] {
    let bytes = try Self.bytes(path, setting)
    guard let certificates = try? NIOSSLCertificate.fromPEMBytes(bytes), !certificates.isEmpty
    else { throw BrokerError("\(setting): \(path) holds no certificate in PEM form") }
    return certificates
  }

  private static func key(_ path: String) throws(BrokerError) -> NIOSSLPrivateKey {
    let bytes = try Self.bytes(path, "tls.key")
    guard let key = try? NIOSSLPrivateKey(bytes: bytes, format: .pem) else {
      throw BrokerError("tls.key: \(path) holds no private key in PEM form")
    }
    return key
  }

  private static func bytes(_ path: String, _ setting: String) throws(BrokerError) -> [UInt8] {
    do throws(BrokerError) {
      return try TextFile.bytes(path)
    } catch {
      throw BrokerError("\(setting): \(error)")
    }
  }
}
