// The only script of these pages, and no page needs it: it brings the browser's passkeys into plain forms (WebAuthn).
// Forms with data-passkey are hidden until it finds that the browser has them.
"use strict";
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const known = (form) => form.dataset.credentials.split(" ").filter(Boolean).map((id) => ({ type: "public-key", id: bytes(id) }));

async function create(form) {
  const credential = await navigator.credentials.create({ publicKey: {
    challenge: bytes(form.dataset.challenge), rp: { id: form.dataset.party, name: "Gatehouse" },
    user: { id: bytes(form.dataset.handle), name: form.dataset.user, displayName: form.dataset.user },
    pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: "public-key", alg })), excludeCredentials: known(form),
    authenticatorSelection: { residentKey: "preferred", userVerification: "preferred" }, attestation: "none", timeout: 240000 } });
  return { passkey_client_data: credential.response.clientDataJSON, passkey_attestation: credential.response.attestationObject };
}

async function get(form) {
  const credential = await navigator.credentials.get({ publicKey: {
    challenge: bytes(form.dataset.challenge), rpId: form.dataset.party, allowCredentials: known(form),
    userVerification: form.dataset.verification, timeout: 240000 } });
  const answer = credential.response;
  return { passkey_id: credential.rawId, passkey_client_data: answer.clientDataJSON, passkey_user: answer.userHandle,
    passkey_authenticator_data: answer.authenticatorData, passkey_signature: answer.signature };
}

async function answer(event) {
  event.preventDefault();
  const form = event.target, button = form.querySelector("button"), notice = form.querySelector("[role=alert]");
  button.disabled = true;
  notice.hidden = true;
  try {
    const fields = await (form.dataset.passkey === "create" ? create(form) : get(form));
    for (const [name, value] of Object.entries(fields)) {
      if (!value) continue;
      const input = Object.assign(document.createElement("input"), { type: "hidden", name, value: text(value) });
      form.append(input);
    }
    form.submit();
  } catch (error) {
    notice.textContent = error.name === "InvalidStateError" ? "This device has a passkey for your account already." : "No passkey was used. Try again.";
    notice.hidden = false;
    button.disabled = false;
  }
}

if (window.PublicKeyCredential) {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.addEventListener("submit", answer);
    form.hidden = false;
  }
  for (const note of document.querySelectorAll("[data-without-passkeys]")) note.hidden = true;
}
