import Glibc
public import GodwitEngine
public import GodwitStorage
import NIOCore
import NIOPosix

extension DataFolder {
  /// Calls `body` with every tenant's part of a folder that is there and that no broker is using.
  ///
  /// - Throws: `BrokerError` when the folder is missing, in use, or cannot be read.
  public static func read(
    _ path: String, _ body: (_ tenant: String, StoreInspection, Engine) throws -> Void
  ) throws(BrokerError) {
    var facts = stat()
    guard stat("\(path)/format", &facts) == 0 else {
      throw BrokerError("\(path) is no data folder of a broker")
    }
    let held = try DataFolder(path)
    defer { withExtendedLifetime(held) {} }
    let disk = PosixDisk(
      eventLoop: MultiThreadedEventLoopGroup.singleton.next(), threads: .singleton)
    do {
      for name in try disk.list("\(path)/tenants").sorted() {
        guard let tenant = FileName.unescape(name) else { continue }
        try body(
          tenant, StoreInspection(folder: "\(path)/tenants/\(name)", disk: disk), Engine(now: 0))
      }
    } catch let error as BrokerError {
      throw error
    } catch {
      throw BrokerError("\(error)")
    }
  }
}
