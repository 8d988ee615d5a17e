import Godwit
import NIOCore
import NIOPosix
import NIOSSL

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Says in words why a connection failed.
enum ConnectionFailure {
  /// The error of a connection that could not be had.
  static func explain(_ error: any Error, connectingTo endpoint: Endpoint) -> GodwitError {
    var explained = self.explain(error)
    explained.message = "cannot connect to \(endpoint): \(explained.message)"
    return explained
  }

  /// The error of a connection that stood.
  static func explain(_ error: any Error) -> GodwitError {
    if let known = error as? GodwitError { return known }
    return GodwitError(.disconnected, self.reason(error), cause: error)
  }

  private static func reason(_ error: any Error) -> String {
    switch error {
    case let error as NIOConnectionError:
      if let first = error.connectionErrors.first { return self.reason(first.error) }
      return "the host is not known"
    case let error as IOError: return self.words(errno: error.errnoCode)
    case ChannelError.connectTimeout: return "no answer in time"
    case let error as NIOSSLError: return self.words(tls: String(describing: error))
    case let error as NIOSSLExtraError: return self.words(tls: error.description)
    case let error as BoringSSLError: return self.words(tls: String(describing: error))
    default: return "the connection failed"
    }
  }

  private static func words(errno code: Int32) -> String {
    guard let text = strerror(code) else { return "error \(code)" }
    return String(cString: text).lowercased()
  }

  private static func words(tls text: String) -> String {
    if text.contains("CERTIFICATE_VERIFY_FAILED") {
      return "the server's certificate is not trusted"
    }
    if text.contains("WRONG_VERSION_NUMBER") || text.contains("HTTP_REQUEST") {
      return "the server does not speak TLS on this port"
    }
    if text.contains("CERTIFICATE_REQUIRED") || text.contains("BAD_CERTIFICATE") {
      return "the server does not take the client's certificate, or wants one"
    }
    if text.lowercased().contains("validate") && text.lowercased().contains("hostname") {
      return "the server's certificate is for another host"
    }
    return "TLS failed"
  }
}
