import Crypto
import GodwitWire

/// The dashboard: one page that needs nothing from elsewhere.
///
/// Its policy names its own script and style by their digests: whatever a peer manages to write
/// into the page, nothing else runs.
enum Dashboard {
  /// The answer to `GET /`.
  static var reply: AdminReply {
    var reply = AdminReply(contentType: "text/html; charset=utf-8", text: page.html)
    reply.headers.append(("Content-Security-Policy", page.policy))
    return reply
  }

  /// Put together when it is first asked for.
  private static let page: (html: String, policy: String) = {
    let style = DashboardStyle.css
    let script = "\"use strict\";\n(() => {\n" + DashboardScript.parts.joined() + "})();\n"
    let html = DashboardMarkup.html(style: style, script: script)
    let policy = [
      "default-src 'none'", "script-src '\(digest(script))'", "style-src '\(digest(style))'",
      "connect-src 'self'", "img-src data:", "base-uri 'none'", "form-action 'none'",
      "frame-ancestors 'none'",
    ]
    return (html, policy.joined(separator: "; "))
  }()

  private static func digest(_ text: String) -> String {
    "sha256-" + Base64.encode(Array(SHA256.hash(data: Array(text.utf8))))
  }
}
