import NIOCore
import NIOSSL

/// TLS on the client's side.
enum ClientTLS {
  /// The handler for one connection, its files read.
  static func makeHandler(_ configuration: ClientConfiguration) throws -> NIOSSLClientHandler {
    let tls = configuration.tls ?? ClientConfiguration.TLS()
    var settings = TLSConfiguration.makeClientConfiguration()
    if let authorities = tls.authorities {
      settings.trustRoots = .certificates(try Self.certificates(authorities))
    }
    if let certificate = tls.certificate {
      settings.certificateChain = try Self.certificates(certificate).map { .certificate($0) }
      let keyFile = tls.key ?? certificate
      guard let key = try? NIOSSLPrivateKey(file: keyFile, format: .pem) else {
        throw ClientError("`\(keyFile)` cannot be read as a private key in PEM form")
      }
      settings.privateKey = .privateKey(key)
    }
    let context = try NIOSSLContext(configuration: settings)
    let host = configuration.address.host
    // An address is not sent as a server name, but the certificate must still be for it.
    do {
      return try NIOSSLClientHandler(context: context, serverHostname: host)
    } catch let error as NIOSSLExtraError where error == .cannotUseIPAddressInSNI {
      return try NIOSSLClientHandler(context: context, serverHostname: nil)
    }
  }

  private static func certificates(_ path: String) throws(ClientError) -> [NIOSSLCertificate] {
    guard let certificates = try? NIOSSLCertificate.fromPEMFile(path), !certificates.isEmpty else {
      throw ClientError("`\(path)` cannot be read as certificates in PEM form")
    }
    return certificates
  }
}
