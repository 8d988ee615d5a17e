import Foundation

/// A port where nobody listens, and that nobody else gets meanwhile: bound, but not listened on.
final class ClosedPort {
  struct Failure: Error {}

  let number: Int
  private let descriptor: Int32

  init() throws {
    #if canImport(Darwin)
      self.descriptor = socket(AF_INET, SOCK_STREAM, 0)
    #else
      self.descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #endif
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = self.descriptor
    let result = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, size) == 0 ? getsockname(descriptor, $0, &size) : -1
      }
    }
    self.number = Int(UInt16(bigEndian: address.sin_port))
    guard result == 0 else { throw Failure() }
  }

  deinit {
    close(self.descriptor)
  }
}
