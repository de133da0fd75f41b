import { useState } from 'preact/hooks';
import { type Me, send } from './client.ts';
import { TextField } from './fields.tsx';
import { Logo } from './icons.tsx';
import { Fault } from './parts.tsx';

/** Trades an API key, or e-mail and password, for a session cookie; no secret is kept in the browser. */
export function Login({ fault, onLogin }: { fault: string; onLogin: (me: Me) => void }) {
  const [byKey, setByKey] = useState(true);
  const [key, setKey] = useState('');
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Error | null>(fault === '' ? null : new Error(fault));
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      onLogin(await send<Me>('POST', '/session', { body: byKey ? { key: key.trim() } : { email, password } }));
    } catch (error) {
      setProblem(error as Error);
      setBusy(false);
    }
  };
  return (
    <main class="login">
      <form onSubmit={submit} class="card">
        <h1>
          <Logo /> Evenkeel
        </h1>
        <p>Log in to see how your campaigns are delivering.</p>
        {byKey ? (
          <TextField
            id="key"
            label="API key"
            type="password"
            autocomplete="current-password"
            required
            value={key}
            onInput={setKey}
          />
        ) : (
          <>
            <TextField
              id="email"
              label="E-mail"
              type="email"
              autocomplete="username"
              required
              value={email}
              onInput={setEmail}
            />
            <TextField
              id="password"
              label="Password"
              type="password"
              autocomplete="current-password"
              required
              value={password}
              onInput={setPassword}
            />
          </>
        )}
        {problem !== null && <Fault problem={problem} />}
        <button type="submit" class="primary" disabled={busy}>
          {busy ? 'Logging in …' : 'Log in'}
        </button>
        <button type="button" class="quiet" onClick={() => setByKey(!byKey)}>
          {byKey ? 'Use e-mail and password' : 'Use an API key'}
        </button>
      </form>
    </main>
  );
}
