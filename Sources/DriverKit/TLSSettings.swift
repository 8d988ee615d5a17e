import Godwit
import NIOCore
import NIOSSL

/// How a driver speaks TLS: 1.2 or later, the server's certificate checked.
public struct TLSSettings: Hashable, Sendable {
  /// Where certificates or a key are.
  public enum PEM: Hashable, Sendable {
    /// In a file.
    case file(String)
    /// In this text.
    case text(String)
  }

  /// The authorities that the server's certificate may come from. Default: the system's.
  public var authorities: PEM?
  /// The client's certificate and those behind it, for mutual TLS.
  public var certificate: PEM?
  /// The key of the client's certificate. Default: in the same place as the certificate.
  public var key: PEM?
  /// The name that the server's certificate must be for. Default: the host that was connected to.
  public var serverName: String?
  /// Whether the certificate is checked at all. Default yes; without it anybody can pose as the
  /// server.
  public var verifiesServer: Bool

  /// Settings.
  public init(
    authorities: PEM? = nil, certificate: PEM? = nil, key: PEM? = nil, serverName: String? = nil,
    verifiesServer: Bool = true
  ) {
    self.authorities = authorities
    self.certificate = certificate
    self.key = key
    self.serverName = serverName
    self.verifiesServer = verifiesServer
  }

  /// Reads what the settings name.
  ///
  /// - Throws: `invalidArgument` with the file that cannot be read.
  func makeContext() throws(GodwitError) -> NIOSSLContext {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    if !self.verifiesServer { configuration.certificateVerification = .none }
    if let authorities = self.authorities {
      configuration.trustRoots = .certificates(try Self.certificates(authorities))
    }
    if let certificate = self.certificate {
      configuration.certificateChain = try Self.certificates(certificate).map { .certificate($0) }
      configuration.privateKey = .privateKey(try Self.key(self.key ?? certificate))
    } else if self.key != nil {
      throw GodwitError(.invalidArgument, "a TLS key without its certificate")
    }
    do {
      return try NIOSSLContext(configuration: configuration)
    } catch {
      throw GodwitError(.invalidArgument, "the TLS settings cannot be used", cause: error)
    }
  }

  /// The handler of one connection.
  func makeHandler(
    _ context: NIOSSLContext, for endpoint: Endpoint
  ) throws(GodwitError) -> NIOSSLClientHandler {
    let name = self.serverName ?? endpoint.tlsName ?? endpoint.host
    do {
      do {
        return try NIOSSLClientHandler(context: context, serverHostname: name)
      } catch let error as NIOSSLExtraError where error == .cannotUseIPAddressInSNI {
        // An address is not sent as a name; the certificate must be for it all the same.
        return try NIOSSLClientHandler(context: context, serverHostname: nil)
      }
    } catch {
      throw GodwitError(.invalidArgument, "'\(name)' cannot be a TLS server's name", cause: error)
    }
  }

  private static func certificates(_ pem: PEM) throws(GodwitError) -> [NIOSSLCertificate] {
    let found: [NIOSSLCertificate]? =
      switch pem {
      case .file(let path): try? NIOSSLCertificate.fromPEMFile(path)
      case .text(let text): try? NIOSSLCertificate.fromPEMBytes(Array(text.utf8))
      }
    guard let found, !found.isEmpty else {
      throw GodwitError(.invalidArgument, "\(Self.place(pem)) holds no certificates in PEM form")
    }
    return found
  }

  private static func key(_ pem: PEM) throws(GodwitError) -> NIOSSLPrivateKey {
    let found: NIOSSLPrivateKey? =
      switch pem {
      case .file(let path): try? NIOSSLPrivateKey(file: path, format: .pem)
      case .text(let text): try? NIOSSLPrivateKey(bytes: Array(text.utf8), format: .pem)
      }
    guard let found else {
      throw GodwitError(.invalidArgument, "\(Self.place(pem)) holds no private key in PEM form")
    }
    return found
  }

  private static func place(_ pem: PEM) -> String {
    if case .file(let path) = pem { "the file '\(path)'" } else { "the text given" }
  }
}
