/// File names of any text: what is not a letter, a digit, `-` or `_` becomes `%` and two digits, so
/// that no two names meet and none leaves its folder.
///
/// What is longer than a file system takes lies in a folder whose name is its beginning and a `%`,
/// with which no other name ends.
public enum FileName {
  /// The longest that all common file systems take, less room for an ending.
  static let bytesMax = 240
  /// How much of a longer name is that of a folder.
  private static let pieceBytes = 200
  /// The longest path of a name: that of Kafka's and JetStream's longest, with every byte escaped.
  static let pathBytesMax = 1_024
  /// The last byte of a folder's name that is the beginning of a longer one.
  private static let mark = "%"

  /// Where what is called `name` lies below its folder; `nil` when the name is too long.
  static func path(_ name: String) -> String? {
    var rest = Substring(self.escape(name))
    guard rest.utf8.count <= self.pathBytesMax else { return nil }
    var path = ""
    while rest.utf8.count > self.bytesMax {
      path += rest.prefix(self.pieceBytes) + self.mark + "/"
      rest = rest.dropFirst(self.pieceBytes)
    }
    return path + rest
  }

  /// The name of what lies there, the reverse of `path`; `nil` when it made no such path.
  static func name(at path: String) -> String? {
    guard let name = self.unescape(path.replacing(self.mark + "/", with: "")),
      self.path(name) == path
    else { return nil }
    return name
  }

  /// The paths of everything in `folder`, below it.
  static func paths(in folder: String, of disk: any Disk) throws(DiskError) -> [String] {
    var found: [String] = []
    for name in try disk.list(folder) {
      guard name.hasSuffix(self.mark) else {
        found.append(name)
        continue
      }
      for rest in try self.paths(in: "\(folder)/\(name)", of: disk) {
        found.append("\(name)/\(rest)")
      }
    }
    return found
  }

  /// The file name of `name`.
  public static func escape(_ name: String) -> String {
    var bytes: [UInt8] = []
    for byte in name.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
        bytes.append(byte)
      default:
        bytes.append(UInt8(ascii: "%"))
        for digit in [byte >> 4, byte & 15] {
          bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "A") + digit - 10)
        }
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// What `escape` made the file name of; `nil` when it made no such name.
  public static func unescape(_ fileName: String) -> String? {
    var bytes: [UInt8] = []
    var rest = Array(fileName.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      else { return nil }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    guard let name = String(validating: bytes, as: UTF8.self), self.escape(name) == fileName else {
      return nil
    }
    return name
  }
}
