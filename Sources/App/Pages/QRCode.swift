import CQREncode

/// A QR code as an inline SVG: no script, no image request.
enum QRCode {
    /// Nil when the text is too long for one.
    static func svg(_ text: String) -> Markup? {
        guard let code = unsafe QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M) else { return nil }
        defer { unsafe QRcode_free(code) }
        let width = unsafe Int(code.pointee.width)
        var path = ""
        for y in 0..<width {
            for x in 0..<width where unsafe code.pointee.data[y * width + x] & 1 == 1 { path += "M\(x + 4) \(y + 4)h1v1h-1z" }
        }
        let size = String(width + 8)
        return """
            <svg class="qr" role="img" aria-label="QR code for your authenticator app" viewBox="0 0 \(size) \(size)" xmlns="http://www.w3.org/2000/svg">\
            <rect width="\(size)" height="\(size)" fill="#fff"></rect><path d="\(path)" fill="#000"></path></svg>
            """
    }
}
