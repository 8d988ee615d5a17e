import NIOCore
import NIOSSL
import NIOTLS

/// Puts TLS under a connection, and says what a handshake found out.
struct TLSUpgrade {
  let context: NIOSSLContext

  /// What a finished handshake established.
  struct Facts {
    var version: String
    var subject: String?
    var commonName: String?
  }

  /// Adds TLS at the front of a running connection's pipeline.
  func add(to context: ChannelHandlerContext) -> Bool {
    do {
      try context.channel.pipeline.syncOperations.addHandler(
        NIOSSLServerHandler(context: self.context), position: .first)
      return true
    } catch {
      return false
    }
  }

  /// What a pipeline event says of a finished handshake; `nil` for any other event.
  static func facts(of event: Any, context: ChannelHandlerContext) -> Facts? {
    guard let event = event as? TLSUserEvent, case .handshakeCompleted = event else { return nil }
    guard
      let handler = try? context.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self)
    else { return Facts(version: "TLS") }
    let version: String
    switch handler.tlsVersion {
    case .tlsv13?: version = "1.3"
    case .tlsv12?: version = "1.2"
    case .tlsv11?: version = "1.1"
    case .tlsv1?: version = "1.0"
    case nil: version = ""
    }
    var facts = Facts(version: version)
    if let der = try? handler.peerCertificate?.toDERBytes() {
      let name = CertificateSubject(der: der)
      facts.subject = name?.text
      facts.commonName = name?.commonName
    }
    return facts
  }
}
