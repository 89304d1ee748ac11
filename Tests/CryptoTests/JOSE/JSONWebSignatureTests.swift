import Primitives
import Testing

@testable import Crypto

struct JSONWebSignatureTests {
    @Test func `the example of RFC 7515 A.3 is signed by its key and by no other (ES256)`() throws {
        let text =
            "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
            + ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
        let key = try JSONWebKey([
            "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        ])
        let signature = try JSONWebSignature(compact: text)
        #expect(signature.isSigned(by: key))
        #expect(signature.payload["iss"] == "joe")
        #expect(try !signature.isSigned(by: SigningKey().publicKey))
        #expect(try !JSONWebSignature(compact: text.replacing("DtEh", with: "DtEi")).isSigned(by: key))
    }

    @Test func `the example of RFC 8037 A.4 is signed by its key (EdDSA)`() throws {
        let key = try JSONWebKey(["kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"])
        let message = Array("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc".utf8)
        let signature = try #require(
            Base64.decode("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"))
        #expect(key.verifies(signature, of: message, by: .edDSA))
        #expect(!key.verifies(signature, of: message + [0], by: .edDSA))
        #expect(key.thumbprint == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
    }

    @Test func `the example of RFC 7515 A.2 is signed by its key and not by PS256 (RS256)`() throws {
        let text =
            "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
            + ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dn"
            + "ZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-e"
            + "OkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
        let key = try JSONWebKey([
            "kty": "RSA", "e": "AQAB",
            "n":
                "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
        ])
        let signature = try JSONWebSignature(compact: text)
        #expect(signature.isSigned(by: key))
        #expect(!key.verifies([UInt8](repeating: 1, count: 256), of: [], by: .ps256))
    }

    @Test(arguments: [
        "eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJIUzI1NiJ9.e30.AAAA", "eyJhbGciOiJFUzI1NiIsImNyaXQiOlsieCJdfQ.e30.AAAA", "a.b", "",
        "eyJhbGciOiJFUzI1NiIsImFsZyI6Im5vbmUifQ.e30.AAAA",
    ])
    func `none, shared secrets, critical extensions and doubled members are not read (AUTH-3)`(_ text: String) {
        #expect(throws: CryptoError.self) { try JSONWebSignature(compact: text) }
    }

    @Test func `what is signed here is verified with the published key, and a saved key signs on`() throws {
        let key = try SigningKey()
        let text = try key.sign(["iss": "https://gate.example.com", "n": 1], type: "at+jwt")
        let published = try JSONWebKey(key.jwk)
        let signature = try JSONWebSignature(compact: text)
        #expect(signature.isSigned(by: published) && signature.type == "at+jwt")
        #expect(signature.header["kid"]?.string == published.thumbprint)
        #expect(try SigningKey(pem: key.pem()).keyID == key.keyID)
    }

    @Test func `a key with private members, another use or odd coordinates is no public key`() {
        for json: JSONValue in [
            ["kty": "oct", "k": "AAAA"], ["kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"],
            ["kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "d": "AA"],
            ["kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "use": "enc"],
            ["kty": "RSA", "n": "AQAB", "e": "AQAB"],
        ] { #expect(throws: CryptoError.self) { try JSONWebKey(json) } }
    }
}
