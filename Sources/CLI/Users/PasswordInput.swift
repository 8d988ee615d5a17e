import Glibc
import GodwitBroker
import GodwitSASLprep

/// Takes a password from where nobody else sees it: a file, a prompt, or what is piped in. Never
/// from the command line, which every process of the machine can read.
enum PasswordInput {
  private static let bytesMax = SASLprep.bytesMax

  /// A name or a password in the form in which it is stored and compared.
  static func prepared(_ bytes: [UInt8], _ what: String) throws -> [UInt8] {
    do throws(SASLprep.Refusal) {
      return try SASLprep.prepare(bytes)
    } catch {
      throw BrokerError("\(what) cannot be used: it \(error)")
    }
  }

  /// The password, without the line's end, in the form in which it is compared.
  static func read(file: String?) throws -> [UInt8] {
    let password: [UInt8]
    if let file {
      password = Self.firstLine(try TextFile.bytes(file, takesPipes: true))
    } else if isatty(STDIN_FILENO) == 1 {
      password = Self.withoutEcho {
        Terminal.writeError("Password: ")
        let first = Self.lineOfInput()
        Terminal.writeError("\nOnce more: ")
        let second = Self.lineOfInput()
        Terminal.writeError("\n")
        return first == second ? first : []
      }
      guard !password.isEmpty else { throw BrokerError("the two are not the same, or empty") }
    } else {
      password = Self.lineOfInput()
    }
    guard !password.isEmpty else { throw BrokerError("the password is empty") }
    return try Self.prepared(password, "the password")
  }

  private static func firstLine(_ bytes: [UInt8]) -> [UInt8] {
    var line = Array(bytes.prefix { $0 != UInt8(ascii: "\n") })
    if line.last == UInt8(ascii: "\r") { line.removeLast() }
    return line
  }

  /// Reads byte by byte: what follows the line is not ours.
  private static func lineOfInput() -> [UInt8] {
    var line: [UInt8] = []
    var byte: UInt8 = 0
    while line.count <= Self.bytesMax + 1, Glibc.read(STDIN_FILENO, &byte, 1) == 1,
      byte != UInt8(ascii: "\n")
    {
      line.append(byte)
    }
    return Self.firstLine(line)
  }

  private static func withoutEcho(_ body: () -> [UInt8]) -> [UInt8] {
    var settings = termios()
    guard tcgetattr(STDIN_FILENO, &settings) == 0 else { return body() }
    var silent = settings
    silent.c_lflag &= ~tcflag_t(ECHO)
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
    defer { tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings) }
    return body()
  }
}
