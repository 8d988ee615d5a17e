#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A TCP client whose every wait ends after five seconds. The server runs on threads of its own, so
/// that blocking here is harmless.
final class BlockingSocket {
  struct Failure: Error {
    let what: String
  }

  private let file: Int32
  private var buffer: [UInt8] = []

  init(port: Int) throws {
    #if canImport(Glibc)
      let kind = Int32(SOCK_STREAM.rawValue)
    #else
      let kind = Int32(SOCK_STREAM)
    #endif
    self.file = socket(AF_INET, kind, 0)
    var limit = timeval(tv_sec: 5, tv_usec: 0)
    setsockopt(
      self.file, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(
      self.file, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(self.file, $0, size) }
    }
    guard result == 0 else { throw Failure(what: "connect: \(errno)") }
  }

  deinit {
    close(self.file)
  }

  func send(_ text: String) throws {
    try self.send(Array(text.utf8))
  }

  /// Sends all of it; a peer that has gone away is an error.
  func send(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        write(self.file, $0.baseAddress, $0.count, flags: Self.noSignal)
      }
      guard count > 0 else { throw Failure(what: "send: \(errno)") }
      rest = rest.dropFirst(count)
    }
  }

  /// A peer that has gone away is an error, not a signal.
  private static var noSignal: Int32 {
    #if canImport(Glibc) || canImport(Musl)
      Int32(truncatingIfNeeded: Int(MSG_NOSIGNAL))
    #else
      0
    #endif
  }

  private func write(
    _ file: Int32, _ base: UnsafeRawPointer?, _ count: Int, flags: Int32
  ) -> Int {
    #if canImport(Glibc)
      Glibc.send(file, base, count, flags)
    #elseif canImport(Musl)
      Musl.send(file, base, count, flags)
    #else
      Darwin.send(file, base, count, flags)
    #endif
  }

  /// Reads until `end` has come, and answers everything up to and with it.
  func read(until end: String) throws -> String {
    let mark = Array(end.utf8)
    while true {
      if let range = self.buffer.firstRange(of: mark) {
        let found = self.buffer[..<range.upperBound]
        self.buffer.removeFirst(range.upperBound)
        return String(decoding: found, as: UTF8.self)
      }
      try self.fill()
    }
  }

  /// Reads exactly `count` bytes.
  func read(count: Int) throws -> [UInt8] {
    while self.buffer.count < count { try self.fill() }
    let found = Array(self.buffer.prefix(count))
    self.buffer.removeFirst(count)
    return found
  }

  /// Reads until the peer ends the connection, and answers what came.
  func readToEnd() throws -> String {
    while true {
      do {
        try self.fill()
      } catch {
        guard let failure = error as? Failure, failure.what == "closed" else { throw error }
        defer { self.buffer = [] }
        return String(decoding: self.buffer, as: UTF8.self)
      }
    }
  }

  /// What has not been read yet counts as well.
  private func fill() throws {
    var chunk = [UInt8](repeating: 0, count: 65_536)
    let count = recv(self.file, &chunk, chunk.count, 0)
    if count == 0 || count < 0 && errno == ECONNRESET { throw Failure(what: "closed") }
    guard count > 0 else { throw Failure(what: "recv: \(errno)") }
    self.buffer += chunk[..<count]
  }
}
