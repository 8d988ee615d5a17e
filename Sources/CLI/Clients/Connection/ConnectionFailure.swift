import Foundation
import NIOCore
import NIOPosix
import NIOSSL

/// Says in words why a connection failed.
enum ConnectionFailure {
  /// The sentence for an error that came up while connecting to `address`.
  static func explain(_ error: any Error, connectingTo address: ServerAddress) -> ClientError {
    let reason = Self.reason(error)
    var sentence = "cannot connect to \(address): \(reason)"
    if reason == Self.refused { sentence += ". Is `godwit serve` running?" }
    return ClientError(sentence)
  }

  /// The sentence for an error on a connection that stood.
  static func explain(_ error: any Error) -> ClientError {
    if let known = error as? ClientError { return known }
    return ClientError("the connection failed: \(Self.reason(error))")
  }

  private static let refused = "connection refused"

  private static func reason(_ error: any Error) -> String {
    switch error {
    case let error as ClientError: return error.description
    case let error as NIOConnectionError:
      if let first = error.connectionErrors.first { return Self.reason(first.error) }
      return "unknown host"
    case let error as IOError: return Self.words(errno: error.errnoCode)
    case ChannelError.connectTimeout: return "no answer in time"
    case let error as NIOSSLError: return Self.words(tls: String(describing: error))
    case let error as NIOSSLExtraError: return Self.words(tls: error.description)
    case let error as BoringSSLError: return Self.words(tls: String(describing: error))
    default: return String(describing: error)
    }
  }

  private static func words(errno code: Int32) -> String {
    if code == ECONNREFUSED { return Self.refused }
    let text = String(cString: strerror(code))
    return text.prefix(1).lowercased() + text.dropFirst()
  }

  private static func words(tls text: String) -> String {
    if text.contains("CERTIFICATE_VERIFY_FAILED") {
      return "TLS: the server's certificate is not trusted (see --ca)"
    }
    if text.contains("WRONG_VERSION_NUMBER") || text.contains("HTTP_REQUEST") {
      return "TLS: the server does not speak TLS on this port"
    }
    if text.contains("CERTIFICATE_REQUIRED") {
      return "TLS: the server wants a client certificate (see --cert)"
    }
    if text.contains("failedToValidateHostname") || text.contains("validate hostname") {
      return "TLS: the certificate is for another host"
    }
    return "TLS: \(text)"
  }
}
