// Fills in the code from the text message where the browser offers that. Without it one types.
"use strict";
const field = document.getElementById("code");
if (field && "OTPCredential" in window) {
  const over = new AbortController();
  field.form.addEventListener("submit", () => over.abort());
  navigator.credentials
    .get({ otp: { transport: ["sms"] }, signal: over.signal })
    .then((text) => {
      if (text && !field.value) field.value = text.code;
    })
    .catch(() => {}); // no leave, no text, or sent already: it is typed
}
